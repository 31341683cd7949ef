"""A complete labeling project over HTTP with a simulated crowd (`manage.py demo`), or only the crowd (`simulate`).

command and simulate are the two commands, and scenario has the steps of a project: manager (calls the API as a customer
would), crowd, worker and browser (the workers), reviewing and releasing. skills and answer_model decide what a
simulated person answers; dataset and ground_truth hold the images and their labels; flaky_network retries requests.
scoring, summary, report, pictures and progress measure the run and show it; accounts creates the account and the API
key.
"""
