"""Online posteriors: updated with each answer under fixed model parameters.

posteriors is the public class. rows stores the answers, scores keeps the log scores of the tasks, and kernels_numba is
the compiled update.
"""
