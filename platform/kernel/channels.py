"""Names of channel groups: the only place that spells them."""


def project_group(project_id: int) -> str:
    return f"project.{project_id}"
