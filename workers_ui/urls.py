"""URL routes of the pages: workers' and shared pages here, managers' pages in urls_manage."""

from django.urls import URLPattern, URLResolver, path

from workers_ui.urls_manage import urlpatterns as manager_pages
from workers_ui.views import (
    account,
    home,
    join,
    notices,
    openings,
    qualifications,
    questions,
    rejected,
    standing,
    team,
    work,
)

app_name = "workers_ui"

worker_pages: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("join/<str:token>/", join.join, name="join"),
    path("work/", work.work, name="work"),
    path("work/start/", work.start, name="start"),
    path("work/earnings/", work.earnings, name="earnings"),
    path("work/standing/", standing.standing, name="standing"),
    path("work/questions/", questions.questions, name="questions"),
    path("work/questions/<uuid:assignment_id>/", questions.write, name="question-write"),
    path("work/qualifications/<uuid:qualification_id>/", qualifications.qualification, name="qualification"),
    path("work/qualifications/<uuid:qualification_id>/start/", qualifications.start, name="qualification-start"),
    path("work/attempts/<uuid:attempt_id>/", qualifications.attempt_page, name="attempt"),
    path("work/attempts/<uuid:attempt_id>/finish/", qualifications.finish, name="attempt-finish"),
    path("work/openings/<uuid:project_id>/", openings.opening, name="opening"),
    path("work/applications/<uuid:application_id>/withdraw/", openings.withdraw, name="application-withdraw"),
    path("work/teams/<uuid:team_id>/", team.team, name="led-team"),
    path("work/<uuid:project_id>/", work.intro, name="intro"),
    path("work/<uuid:project_id>/leave/", work.leave, name="leave"),
    path("work/<uuid:project_id>/instructions/", work.instructions, name="instructions"),
    path("work/<uuid:project_id>/set/", work.work_set, name="set"),
    path("work/<uuid:project_id>/set/hand-in/", work.hand_in, name="hand-in"),
    path("work/<uuid:project_id>/handed-in/<uuid:hand_id>/", work.handed_in, name="handed-in"),
    path("work/<uuid:project_id>/rejected/", rejected.rejected, name="rejected"),
    path("notices/", notices.notices, name="notices"),
    path("notices/read/", notices.read_all, name="notices-read"),
    path("notices/<uuid:notice_id>/", notices.notice, name="notice"),
    path("me/mail/", notices.mail, name="notice-mail"),
    path("me/", account.account, name="account"),
    path("me/profile/", account.profile, name="profile"),
    path("me/sign-out-everywhere/", account.sign_out, name="sign-out-everywhere"),
    path("me/delete/", account.erase, name="erase"),
]

urlpatterns: list[URLPattern | URLResolver] = [*worker_pages, *manager_pages]
