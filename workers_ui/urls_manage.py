"""URL routes of the managers' pages."""

from django.urls import path

from workers_ui.views.manage import (
    batches,
    console,
    gold,
    images,
    invitations,
    keys,
    new_project,
    project_settings,
    projects,
    proposed_changes,
    quality,
    releases,
    review,
    settings,
    task,
    what_if,
    workers,
)

PROJECT = "projects/<uuid:project_id>/"

urlpatterns = [
    path("projects/", projects.projects, name="projects"),
    path("projects/new/", new_project.new_project, name="new-project"),
    path(PROJECT, console.console, name="project"),
    path(f"{PROJECT}batches/open/", batches.open_all, name="batches-open"),
    path(f"{PROJECT}batches/go-on/", batches.go_on, name="batches-go-on"),
    path(f"{PROJECT}batches/<uuid:batch_id>/", batches.change, name="batch"),
    path(f"{PROJECT}images/", images.images, name="images"),
    path(f"{PROJECT}imports/<uuid:import_id>/resume/", images.resume, name="import-resume"),
    path(f"{PROJECT}checks/", gold.gold_images, name="gold"),
    path(f"{PROJECT}checks/<uuid:gold_id>/retire/", gold.retire, name="gold-retire"),
    path(f"{PROJECT}workers/", workers.workers, name="workers"),
    path(f"{PROJECT}workers/invite/", invitations.invite_workers, name="invite"),
    path(f"{PROJECT}workers/<uuid:worker_id>/", workers.change, name="worker"),
    path(f"{PROJECT}review/", review.review, name="review"),
    path(f"{PROJECT}review/<uuid:batch_id>/approve/", review.approve_rest, name="approve-rest"),
    path(f"{PROJECT}review/changes/", proposed_changes.changes, name="proposed-changes"),
    path(f"{PROJECT}review/changes/decide/", proposed_changes.decide, name="proposed-changes-decide"),
    path(f"{PROJECT}quality/", quality.quality, name="quality"),
    path(f"{PROJECT}quality/again/", quality.again, name="quality-again"),
    path(f"{PROJECT}what-if/", what_if.what_if, name="what-if"),
    path(f"{PROJECT}what-if/again/", what_if.again, name="what-if-again"),
    path(f"{PROJECT}tasks/<uuid:task_id>/", task.task, name="task"),
    path(f"{PROJECT}releases/", releases.releases, name="releases"),
    path(f"{PROJECT}releases/<uuid:release_id>/", releases.change, name="release"),
    path(f"{PROJECT}settings/", project_settings.project_settings, name="project-settings"),
    path(f"{PROJECT}state/", project_settings.change_state, name="project-state"),
    path("invitations/<uuid:invitation_id>/revoke/", invitations.revoke, name="invitation-revoke"),
    path("settings/", settings.settings_page, name="settings"),
    path("settings/keys/", keys.create, name="keys"),
    path("settings/keys/<uuid:token_id>/revoke/", keys.revoke, name="key-revoke"),
    path("settings/team/", invitations.invite_team, name="team-invite"),
]
