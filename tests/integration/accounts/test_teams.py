"""Teams of an organization: names, members, a lead; who stops being a worker leaves them."""

import pytest

from accounts.errors import TeamInUse, TeamMemberRefused, TeamRefused
from accounts.models import Actor, Team, TeamMember
from accounts.services import invite
from accounts.teams import (
    add_member,
    create_team,
    members_of_team,
    names_for_lead,
    remove_member,
    rename_team,
    set_lead,
    team_for,
    team_led_by,
    teams_of,
    worker_by_address,
)
from kernel.errors import NotFound
from projects.models import Project
from tasks.batching.services import change_batch
from tasks.batching.teams import archive_team, count_kept
from tasks.flow.invitations import accept_invitation
from tasks.flow.people import invite_from_file
from tasks.flow.revocation import block_worker, change_role
from tasks.flow.revocation import remove_member as remove_from_organisation
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren(), factories.finch()])


@pytest.fixture
def team(project: Project) -> Team:
    row = create_team(organisation=project.organisation, name="Harbor")
    add_member(team=row, worker=factories.wren())
    return row


def members(team: Team) -> list[Actor]:
    return [each.worker for each in members_of_team(team=team)]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "Har\x00bor", "Harbor"])
def test_a_name_must_be_free_and_readable(team: Team, name: str) -> None:
    with pytest.raises(TeamRefused):
        create_team(organisation=team.organisation, name=name)
    other = create_team(organisation=team.organisation, name="Quay")
    with pytest.raises(TeamRefused):
        rename_team(team=other, name=name)
    assert rename_team(team=other, name=" The   quay ").name == "The quay"


def test_only_workers_of_the_organization_are_in_its_teams(team: Team) -> None:
    for stranger in (factories.ada(), factories.a_worker("robin")):
        with pytest.raises(TeamMemberRefused):
            add_member(team=team, worker=stranger)
    assert not add_member(team=team, worker=factories.wren())
    assert members(team) == [factories.wren()]


def test_a_member_leads_and_nobody_else_sees_the_team(team: Team) -> None:
    wren, finch = factories.wren(), factories.finch()
    with pytest.raises(TeamMemberRefused):
        set_lead(team=team, worker=finch)
    set_lead(team=team, worker=wren)
    assert team_led_by(worker=wren, public_id=team.public_id) == team
    add_member(team=team, worker=finch)
    set_lead(team=team, worker=finch)
    with pytest.raises(NotFound):
        team_led_by(worker=wren, public_id=team.public_id)
    remove_member(team=team, worker=finch)
    with pytest.raises(NotFound):
        team_led_by(worker=finch, public_id=team.public_id)


def test_a_lead_never_reads_an_address(team: Team) -> None:
    wren, nameless = factories.wren(), factories.a_user("robin")
    nameless.name = ""
    nameless.save()
    names = names_for_lead(workers=[wren, nameless.actor])
    assert names[wren.pk] == "Wren"
    assert "@" not in names[nameless.actor_id]


@pytest.mark.parametrize("end", ["removed", "blocked", "promoted", "invited to the team"])
def test_who_is_no_worker_any_more_is_in_no_team(team: Team, project: Project, end: str) -> None:
    wren, organisation = factories.wren(), project.organisation
    if end == "removed":
        remove_from_organisation(organisation=organisation, member=wren)
    elif end == "blocked":
        block_worker(organisation=organisation, worker=wren, by=factories.ada(), reason="A script.")
    elif end == "promoted":
        change_role(organisation=organisation, member=wren, role="reviewer")
    else:
        _, token = invite(organisation=organisation, by=factories.ada(), role="reviewer")
        accept_invitation(token=token, actor=wren)
    assert not TeamMember.objects.exists()


def test_a_team_with_batches_is_not_archived(team: Team, project: Project) -> None:
    batch = factories.a_batch(project)
    change_batch(batch=batch, changes={"team": team.public_id})
    assert count_kept(organisation=project.organisation) == {team.pk: 1}
    with pytest.raises(TeamInUse):
        archive_team(team=team)
    change_batch(batch=batch, changes={"team": None})
    archive_team(team=team)
    assert (list(teams_of(organisation=project.organisation)), members(team)) == ([], [])
    with pytest.raises(NotFound):
        change_batch(batch=batch, changes={"team": team.public_id})
    create_team(organisation=project.organisation, name="Harbor")


def test_a_batch_is_kept_for_teams_of_its_own_organization_alone(project: Project) -> None:
    elsewhere = create_team(organisation=factories.an_organisation("Elsewhere"), name="Harbor")
    batch = factories.a_batch(project)
    for unknown in (elsewhere.public_id, "nonsense"):
        with pytest.raises(NotFound):
            change_batch(batch=batch, changes={"team": unknown, "priority": 5})
    batch.refresh_from_db()
    assert (batch.team, batch.priority) == (None, 0)


def test_workers_are_found_by_address_or_id_within_the_organization(project: Project) -> None:
    wren, organisation = factories.wren(), project.organisation
    factories.a_worker("robin")
    assert worker_by_address(organisation=organisation, text=" WREN@example.org ") == wren
    assert worker_by_address(organisation=organisation, text=str(wren.public_id)) == wren
    for text in ("robin@example.org", "ada@example.org", "nonsense"):
        with pytest.raises(TeamMemberRefused):
            worker_by_address(organisation=organisation, text=text)


def test_a_file_of_people_puts_them_into_teams(team: Team, project: Project) -> None:
    def invited(content: bytes, *, by: Actor) -> object:
        return invite_from_file(project=project, content=content, by=by, base_url="https://a.example")

    ada = factories.ada()
    report = invited(b"email,team\nfinch@example.org,harbor\nwren@example.org,Quay\n", by=ada)
    assert "no team" in report.results[1].problem  # type: ignore[attr-defined]
    assert members(team) == [factories.wren()]
    invited(b"email,team\nfinch@example.org,harbor\nwren@example.org,Harbor\n", by=ada)
    assert members(team_for(organisation=project.organisation, public_id=team.public_id)) == [
        factories.wren(),
        factories.finch(),
    ]
