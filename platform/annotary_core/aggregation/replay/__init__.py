"""Replay recorded answers to measure what other collection policies would have cost.

policies defines a policy and its result, answer_order reveals the answers, replay runs the policies on classes
(classification) and boxes, online compares online posteriors with a batch fit, and report prints and plots the results.
"""
