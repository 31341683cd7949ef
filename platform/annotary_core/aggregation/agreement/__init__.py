"""How far workers agree: Krippendorff's alpha of classes and of objects, Fleiss' and Cohen's kappa, pairwise tables."""
