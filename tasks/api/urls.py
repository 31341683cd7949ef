"""The routes of /api/v1/, with one module per stage."""

from django.urls import path, re_path, register_converter

from tasks.api import (
    accounts,
    answers,
    appeals,
    applications,
    attempts,
    batching,
    blocks,
    bulk_review,
    class_changes,
    class_checks,
    docs,
    early_approvals,
    events,
    golds,
    images,
    ingest,
    instructions,
    lifecycle,
    members,
    notices,
    pay,
    people,
    policy_preview,
    predictions,
    projects,
    proposals,
    qualifications,
    questions,
    releases,
    repairs,
    review,
    review_stages,
    set_aside,
    skills,
    standing,
    streams,
    tasks,
    teams,
    unknown,
    work,
)


class StateStep:
    """The actions that change the state of a project."""

    regex = "open|pause|close|archive|reopen"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


class BatchStep(StateStep):
    regex = "open|pause|approve"


class WorkerStep(StateStep):
    regex = "pause|resume|remove|confirm"


class ApplicationStep(StateStep):
    regex = "accept|decline"


class ProposalStep(StateStep):
    regex = "send|keep"


class SetAsideStep(StateStep):
    regex = "offer|leave-out"


register_converter(StateStep, "project_step")
register_converter(BatchStep, "batch_step")
register_converter(WorkerStep, "worker_step")
register_converter(ApplicationStep, "application_step")
register_converter(ProposalStep, "proposal_step")
register_converter(SetAsideStep, "set_aside_step")

app_name = "api"
urlpatterns = [
    # The calls that workers make all day come first: Django tries the routes in order.
    path("work/", work.WorkView.as_view()),
    path("work/hands/", work.AnyHandsView.as_view()),
    path("projects/<uuid:project_id>/hands/", work.HandsView.as_view()),
    path("hands/<uuid:hand_id>/", work.HandView.as_view()),
    path("hands/<uuid:hand_id>/settle/", work.SettleView.as_view()),
    path("hands/<uuid:hand_id>/release/", work.ReleaseHandView.as_view()),
    path("hands/<uuid:hand_id>/extend/", work.ExtendView.as_view()),
    path("hands/<uuid:hand_id>/answers/", answers.AnswersView.as_view()),
    path("assignments/<uuid:assignment_id>/answer/", answers.AnswerView.as_view()),
    path("assignments/<uuid:assignment_id>/skip/", answers.SkipView.as_view()),
    path("assignments/<uuid:assignment_id>/image", answers.AssignmentImageView.as_view()),
    path("work/standing/", standing.OwnStandingsView.as_view()),
    path("hands/<uuid:hand_id>/questions/", questions.QuestionsOfSetView.as_view()),
    path("assignments/<uuid:assignment_id>/questions/", questions.AskView.as_view()),
    path("work/questions/", questions.MyQuestionsView.as_view()),
    path("work/qualifications/", attempts.MyQualificationsView.as_view()),
    path("work/qualifications/<uuid:qualification_id>/attempts/", attempts.AttemptsView.as_view()),
    path("attempts/<uuid:attempt_id>/", attempts.AttemptView.as_view()),
    path("attempts/<uuid:attempt_id>/finish/", attempts.FinishView.as_view()),
    path("attempt-items/<uuid:item_id>/answer/", attempts.AttemptAnswerView.as_view()),
    path("attempt-items/<uuid:item_id>/image", attempts.AttemptImageView.as_view()),
    path("schema/", docs.SchemaView.as_view(), name="schema"),
    path("me/", accounts.MeView.as_view()),
    path("me/sign-out-everywhere/", members.SignOutView.as_view()),
    path("notices/", notices.NoticesView.as_view()),
    path("notices/read/", notices.NoticesReadView.as_view()),
    path("notices/mail/", notices.NoticeMailView.as_view()),
    path("organisations/", accounts.OrganisationsView.as_view()),
    path("organisations/<uuid:organisation_id>/", members.OrganisationView.as_view()),
    path("organisations/<uuid:organisation_id>/members/", members.MembersView.as_view()),
    path("organisations/<uuid:organisation_id>/members/<uuid:member_id>/", members.MemberView.as_view()),
    path("organisations/<uuid:organisation_id>/blocks/", blocks.BlocksView.as_view()),
    path("organisations/<uuid:organisation_id>/repair-preview/", repairs.RepairPreviewsView.as_view()),
    path("organisations/<uuid:organisation_id>/repairs/", repairs.OrganisationRepairsView.as_view()),
    path("organisations/<uuid:organisation_id>/blocks/<uuid:block_id>/", blocks.BlockView.as_view()),
    path("organisations/<uuid:organisation_id>/pay/", pay.PayView.as_view()),
    path("organisations/<uuid:organisation_id>/pay.csv", pay.PayTableView.as_view()),
    path("organisations/<uuid:organisation_id>/payouts/", pay.PayoutsView.as_view()),
    path("organisations/<uuid:organisation_id>/payouts/<uuid:payout_run_id>/", pay.PayoutView.as_view()),
    path("organisations/<uuid:organisation_id>/payouts/<uuid:payout_run_id>/file", pay.PayoutFileView.as_view()),
    path("organisations/<uuid:organisation_id>/teams/", teams.TeamsView.as_view()),
    path("organisations/<uuid:organisation_id>/teams/<uuid:team_id>/", teams.TeamView.as_view()),
    path("organisations/<uuid:organisation_id>/teams/<uuid:team_id>/members/", teams.TeamMembersView.as_view()),
    path(
        "organisations/<uuid:organisation_id>/teams/<uuid:team_id>/members/<uuid:worker_id>/",
        teams.TeamMemberView.as_view(),
    ),
    path("work/openings/", applications.OpeningsView.as_view()),
    path("work/openings/<uuid:project_id>/apply/", applications.ApplyView.as_view()),
    path("work/applications/", applications.MyApplicationsView.as_view()),
    path("work/applications/<uuid:application_id>/", applications.MyApplicationView.as_view()),
    path("work/teams/", teams.MyTeamsView.as_view()),
    path("work/teams/<uuid:team_id>/", teams.MyTeamView.as_view()),
    path("tokens/", accounts.TokensView.as_view()),
    path("tokens/<uuid:token_id>/", accounts.TokenView.as_view()),
    path("invitations/apply/", applications.ApplyByLinkView.as_view()),
    path("invitations/accept/", accounts.AcceptInvitationView.as_view()),
    path("invitations/<uuid:invitation_id>/", accounts.InvitationView.as_view()),
    path("projects/", projects.ProjectsView.as_view()),
    path("projects/<uuid:project_id>/", projects.ProjectView.as_view()),
    path("projects/<uuid:project_id>/<project_step:step>/", lifecycle.ProjectStateView.as_view()),
    path("projects/<uuid:project_id>/deletion/", lifecycle.DeletionView.as_view()),
    path("projects/<uuid:project_id>/policy-preview/", policy_preview.PolicyPreviewView.as_view()),
    path("projects/<uuid:project_id>/classes/", projects.ClassesView.as_view()),
    path("projects/<uuid:project_id>/class-changes/preview/", class_changes.ClassChangePreviewView.as_view()),
    path("projects/<uuid:project_id>/class-changes/", class_changes.ClassChangesView.as_view()),
    path("projects/<uuid:project_id>/class-changes/<uuid:change_id>/", class_changes.ClassChangeView.as_view()),
    path(
        "projects/<uuid:project_id>/class-changes/<uuid:change_id>/undo-preview/",
        class_changes.ClassUndoPreviewView.as_view(),
    ),
    path("projects/<uuid:project_id>/class-changes/<uuid:change_id>/undo/", class_changes.ClassUndoView.as_view()),
    path("projects/<uuid:project_id>/instructions/", projects.InstructionsView.as_view()),
    path("projects/<uuid:project_id>/instructions/news/", instructions.NewsView.as_view()),
    path("projects/<uuid:project_id>/instructions/confirm/", instructions.ConfirmView.as_view()),
    path("projects/<uuid:project_id>/figures/", projects.FiguresView.as_view()),
    path("projects/<uuid:project_id>/events/", events.EventsView.as_view()),
    path("projects/<uuid:project_id>/events/totals/", events.EventTotalsView.as_view()),
    path("projects/<uuid:project_id>/events/tickets/", events.EventTicketsView.as_view()),
    path("projects/<uuid:project_id>/early-approvals/", early_approvals.EarlyApprovalsView.as_view()),
    path("projects/<uuid:project_id>/workers/", projects.WorkersView.as_view()),
    path("projects/<uuid:project_id>/workers/<uuid:worker_id>/<worker_step:step>/", projects.WorkerStateView.as_view()),
    path("projects/<uuid:project_id>/workers/<uuid:worker_id>/bonuses/", pay.BonusesView.as_view()),
    path("projects/<uuid:project_id>/workers/<uuid:worker_id>/repair-preview/", repairs.RepairPreviewView.as_view()),
    path("projects/<uuid:project_id>/workers/<uuid:worker_id>/repairs/", repairs.WorkerRepairsView.as_view()),
    path("projects/<uuid:project_id>/workers/<uuid:worker_id>/skills/", skills.WorkerSkillsView.as_view()),
    path("projects/<uuid:project_id>/applications/", applications.ApplicationsView.as_view()),
    path(
        "projects/<uuid:project_id>/applications/<uuid:application_id>/<application_step:step>/",
        applications.ApplicationStepView.as_view(),
    ),
    path("projects/<uuid:project_id>/people/", people.PeopleView.as_view()),
    path("projects/<uuid:project_id>/people/preview/", people.PeoplePreviewView.as_view()),
    path("projects/<uuid:project_id>/people/invite/", people.InvitePeopleView.as_view()),
    path("projects/<uuid:project_id>/people/leave/", people.LeavePeopleView.as_view()),
    path("projects/<uuid:project_id>/leave/", people.LeaveProjectView.as_view()),
    path("projects/<uuid:project_id>/worker-filter/", skills.WorkerFilterView.as_view()),
    path("projects/<uuid:project_id>/worker-filter/preview/", skills.FilterPreviewView.as_view()),
    path("organisations/<uuid:organisation_id>/skills/", skills.SkillsFileView.as_view()),
    path("projects/<uuid:project_id>/repairs/", repairs.RepairsView.as_view()),
    path("projects/<uuid:project_id>/repairs/<uuid:repair_id>/", repairs.RepairView.as_view()),
    path("projects/<uuid:project_id>/repairs/<uuid:repair_id>/undo-preview/", repairs.UndoPreviewView.as_view()),
    path("projects/<uuid:project_id>/repairs/<uuid:repair_id>/undo/", repairs.UndoView.as_view()),
    path("projects/<uuid:project_id>/invitations/", accounts.ProjectInvitationsView.as_view()),
    path("projects/<uuid:project_id>/imports/", ingest.ImportsView.as_view()),
    path("imports/<uuid:import_id>/", ingest.ImportView.as_view()),
    path("imports/<uuid:import_id>/files/", ingest.ImportFilesView.as_view()),
    path("imports/<uuid:import_id>/resume/", ingest.ResumeImportView.as_view()),
    path("projects/<uuid:project_id>/truth/", ingest.TruthView.as_view()),
    path("projects/<uuid:project_id>/images/", images.ImagesView.as_view()),
    path("images/<uuid:image_id>/", images.ImageView.as_view()),
    path("images/<uuid:image_id>/file/", images.ImageFileView.as_view(), name="image-file"),
    path("projects/<uuid:project_id>/golds/", golds.GoldsView.as_view()),
    path("golds/<uuid:gold_id>/", golds.GoldView.as_view()),
    path("projects/<uuid:project_id>/golds/supply/", golds.GoldSupplyView.as_view()),
    path("projects/<uuid:project_id>/golds/promote/", golds.PromoteView.as_view()),
    path("golds/<uuid:gold_id>/answers/", golds.GoldAnswersView.as_view()),
    path("golds/<uuid:gold_id>/reactivate/", golds.ReactivateGoldView.as_view()),
    path("golds/<uuid:gold_id>/offer/", golds.OfferGoldView.as_view()),
    path("projects/<uuid:project_id>/qualifications/", qualifications.QualificationsView.as_view()),
    path("projects/<uuid:project_id>/requirements/", qualifications.RequirementsView.as_view()),
    path("qualifications/<uuid:qualification_id>/", qualifications.QualificationView.as_view()),
    path("qualifications/<uuid:qualification_id>/images/", qualifications.QualificationImagesView.as_view()),
    path(
        "qualifications/<uuid:qualification_id>/images/<uuid:pool_image_id>/",
        qualifications.QualificationImageView.as_view(),
    ),
    path("qualifications/<uuid:qualification_id>/holders/", qualifications.HoldersView.as_view()),
    path("qualifications/<uuid:qualification_id>/holders/<uuid:worker_id>/", qualifications.HolderView.as_view()),
    path("projects/<uuid:project_id>/batches/", batching.BatchesView.as_view()),
    path("projects/<uuid:project_id>/batches/open/", batching.OpenBatchesView.as_view()),
    path("batches/<uuid:batch_id>/", batching.BatchView.as_view()),
    path("batches/<uuid:batch_id>/<batch_step:step>/", batching.BatchStateView.as_view()),
    path("projects/<uuid:project_id>/tasks/", tasks.TasksView.as_view()),
    path("projects/<uuid:project_id>/predictions/", predictions.PredictionsView.as_view()),
    path("ledger/", work.LedgerView.as_view()),
    path("ledger/statement/", pay.StatementView.as_view()),
    path("ledger/statement.csv", pay.StatementTableView.as_view()),
    path("work/rejections/", appeals.RejectedAnswersView.as_view()),
    path("work/rejections/<uuid:rejected_id>/appeal/", appeals.AppealView.as_view()),
    path("projects/<uuid:project_id>/review-stages/", review_stages.StagesView.as_view()),
    path("projects/<uuid:project_id>/appeals/", appeals.AppealsView.as_view()),
    path("appeals/<uuid:appeal_id>/decision/", appeals.DecisionView.as_view()),
    path("projects/<uuid:project_id>/questions/", questions.QuestionsView.as_view()),
    path("questions/<uuid:question_id>/answers/", questions.QuestionAnswersView.as_view()),
    path("questions/<uuid:question_id>/close/", questions.QuestionCloseView.as_view()),
    path("questions/<uuid:question_id>/rule/", questions.QuestionRuleView.as_view()),
    path("projects/<uuid:project_id>/explanations/", appeals.DraftsView.as_view()),
    path("projects/<uuid:project_id>/explanations/<uuid:draft_id>/", appeals.DraftView.as_view()),
    path("projects/<uuid:project_id>/labels/", review.LabelsView.as_view()),
    path("projects/<uuid:project_id>/class-checks/", class_checks.ClassChecksView.as_view()),
    path("projects/<uuid:project_id>/reviews/", bulk_review.ReviewsView.as_view()),
    path("projects/<uuid:project_id>/answers.jsonl", streams.AnswerLinesView.as_view()),
    path("projects/<uuid:project_id>/answers.csv", streams.AnswerTableView.as_view()),
    path("projects/<uuid:project_id>/labels.jsonl", streams.LabelLinesView.as_view()),
    path("projects/<uuid:project_id>/labels.csv", streams.LabelTableView.as_view()),
    path("projects/<uuid:project_id>/proposed-changes/", proposals.ProposedChangesView.as_view()),
    path(
        "projects/<uuid:project_id>/proposed-changes/<proposal_step:step>/",
        proposals.ProposedChangesStepView.as_view(),
    ),
    path("projects/<uuid:project_id>/set-aside/", set_aside.SetAsideView.as_view()),
    path("projects/<uuid:project_id>/set-aside/<set_aside_step:step>/", set_aside.SetAsideStepView.as_view()),
    path("tasks/<uuid:task_id>/", tasks.TaskView.as_view()),
    path("tasks/<uuid:task_id>/evidence/", review.EvidenceView.as_view()),
    path("tasks/<uuid:task_id>/review/", review.ReviewView.as_view()),
    path("projects/<uuid:project_id>/releases/", releases.ReleasesView.as_view()),
    path("releases/<uuid:release_id>/", releases.ReleaseView.as_view()),
    path("releases/<uuid:release_id>/retract/", releases.RetractView.as_view()),
    path("releases/<uuid:release_id>/exports/", releases.ExportsView.as_view()),
    path("exports/<uuid:export_id>/", releases.ExportView.as_view()),
    path("exports/<uuid:export_id>/download", releases.DownloadView.as_view(), name="export-download"),
    re_path(r"", unknown.UnknownView.as_view()),
]
