"""Aggregation methods for one class per task, from majority vote to the default, a mixture of two worker models.

The methods are majority, wawa (weighted majority), one_coin, dawid_skene and blend (the default). encoding turns
answers into dense columns; votes puts them in canonical order and breaks ties. em runs expectation-maximization over
error models (confusion, one_coin_em); kernels and kernels_numba compute its E-step on kernel_layout. fit_passes and
sufficient_statistics fit data in shards. fitted_model stores a fit, predict applies it, and result turns posteriors
into a consensus.
"""
