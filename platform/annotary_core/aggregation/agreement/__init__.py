"""Inter-annotator agreement: Krippendorff's alpha for classes and objects, Fleiss' and Cohen's kappa, worker pairs.

ratings is the input; alpha, fleiss, pairs (Cohen's kappa) and objects (alpha of object sets) are the measures;
bootstrap computes their confidence intervals; report and report_text present them.
"""
