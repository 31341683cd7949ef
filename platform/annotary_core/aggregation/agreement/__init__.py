"""Inter-annotator agreement: Krippendorff's alpha for classes and objects, Fleiss' and Cohen's kappa, worker pairs."""
