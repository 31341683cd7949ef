"""Online posteriors: updated with each answer under fixed model parameters."""
