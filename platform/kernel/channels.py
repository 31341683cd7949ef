"""Names of channel-layer groups, defined only here."""


def project_group(project_id: int) -> str:
    return f"project.{project_id}"
