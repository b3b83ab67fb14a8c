"""ChatKet's contract over Socket.IO: rooms are channels."""

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from accounts import make_team
from socketio.exceptions import ConnectionError as Refused


def key() -> str:
    return str(uuid.uuid4())


def post(person, room: str, text: str) -> dict:
    return person.call("POST", f"/channels/{room}/messages", content=text, idempotencyKey=key())


def test_a_message_reaches_rooms_on_the_other_gateway_T4_T5(team, connect):
    ada, bob = (connect(token=person.token, gateway=name) for person, name in zip(team.people, ("g0", "g1")))
    for client in (ada, bob):
        assert client.call("room:join", {"roomId": team.text})["success"] is True
    sent = ada.call("message:send", {"roomId": team.text, "text": "Hallo ✓", "clientMsgId": key()})
    assert sent["success"] is True and sent["isDuplicate"] is False
    for client in (ada, bob):
        message = client.wait("message:new", lambda message: message["messageId"] == sent["messageId"])
        assert message["text"] == "Hallo ✓" and message["roomId"] == team.text
        assert message["sender"] == {"id": team.people[0].user_id, "username": team.people[0].username}
        assert datetime.fromisoformat(message["createdAt"]).tzinfo is not None


@pytest.mark.parametrize("transports", [["polling"], ["websocket"]], ids=["polling", "websocket"])
def test_a_retry_gets_the_first_id_and_is_not_broadcast_again_T6_O11(team, connect, transports):
    ada, bob = (connect(token=person.token, transports=transports) for person in team.people)
    bob.call("room:join", {"roomId": team.text})
    message = {"roomId": team.text, "text": "once", "clientMsgId": key()}
    first, again = ada.call("message:send", message), ada.call("message:send", message)
    assert again == {**first, "isDuplicate": True}
    last = ada.call("message:send", {"roomId": team.text, "text": "last", "clientMsgId": key()})
    bob.wait("message:new", lambda message: message["messageId"] == last["messageId"])
    assert [message["text"] for message in bob.all("message:new")] == ["once", "last"]


def test_the_sixth_message_in_ten_seconds_mutes_and_says_until_when_T7(team, connect):
    ada = connect(token=team.people[0].token)
    for number in range(5):
        assert ada.call("message:send", {"roomId": team.text, "text": f"{number}", "clientMsgId": key()})["success"]
    refused = ada.call("message:send", {"roomId": team.text, "text": "too many", "clientMsgId": key()})
    assert refused["success"] is False and refused["code"] == "muted" and refused["error"]
    until = datetime.fromisoformat(refused["mutedUntil"])
    assert timedelta(seconds=20) < until - datetime.now(timezone.utc) <= timedelta(seconds=31)
    notice = ada.wait("room:system", lambda notice: notice["type"] == "muted")
    assert notice["roomId"] == team.text and notice["until"] == refused["mutedUntil"]


def test_typing_is_told_and_ends_by_itself_T5_O7(team, connect):
    ada, bob = (connect(token=person.token, gateway=name) for person, name in zip(team.people, ("g0", "g1")))
    bob.call("room:join", {"roomId": team.text})
    ada.emit("typing:update", {"roomId": team.text, "isTyping": True})
    typing = bob.wait("typing:update")
    assert typing == {
        "roomId": team.text, "isTyping": True,
        "user": {"id": team.people[0].user_id, "username": team.people[0].username}}
    assert bob.wait("typing:update", lambda typing: not typing["isTyping"])["roomId"] == team.text
    assert ada.all("typing:update") == []


def test_the_roster_shows_who_comes_and_goes_T5_T8(team, connect):
    ada_person, bob_person = team.people
    ada = connect(token=ada_person.token)
    ada.call("room:join", {"roomId": team.text})

    def shows(status: str):
        return lambda roster: {user["id"]: user["status"] for user in roster["users"]} == {
            ada_person.user_id: "online", bob_person.user_id: status}

    assert ada.wait("room:roster", shows("offline"))["roomId"] == team.text
    bob = connect(token=bob_person.token)
    names = {user["username"] for user in ada.wait("room:roster", shows("online"))["users"]}
    assert names == {ada_person.username, bob_person.username}
    assert bob.call("presence:ping", {"roomId": team.text}) == {"success": True}
    seen = len(ada.events)
    bob.close()
    ada.wait("room:roster", shows("offline"), after=seen)


def test_people_who_join_and_leave_are_announced_T5(team, connect):
    ada_person, bob_person = team.people
    ada = connect(token=ada_person.token)
    ada.call("room:join", {"roomId": team.text})
    bob_person.call("POST", f"/channels/{team.text}/leave")
    left = ada.wait("room:system", lambda notice: notice["type"] == "leave")
    assert left["user"] == {"id": bob_person.user_id, "username": bob_person.username}
    bob_person.call("POST", f"/channels/{team.text}/join")
    joined = ada.wait("room:system", lambda notice: notice["type"] == "join")
    assert joined["roomId"] == team.text and joined["user"]["id"] == bob_person.user_id


def test_a_sync_gives_what_was_missed_the_newest_100_T9_T10(stack, team, connect):
    ada_person, bob_person = team.people
    ada = connect(token=ada_person.token)
    ada.call("room:join", {"roomId": team.text})
    first = post(bob_person, team.text, "before")
    last_seen = ada.wait("message:new", lambda message: message["messageId"] == first["id"])["createdAt"]
    ada.close()
    missed = [post(bob_person, team.text, f"missed {number}")["id"] for number in range(3)]
    other = connect(token=ada_person.token)
    stranger = str(uuid.uuid4())
    answer = other.call("rooms:sync", {"rooms": [
        {"roomId": team.text, "lastSeenAt": last_seen}, {"roomId": stranger, "lastSeenAt": last_seen}]})
    assert answer["success"] is True
    mine, none = answer["results"]
    assert mine["synced"] is True and mine["hasMore"] is False and mine["messageCount"] >= 3
    assert none == {"roomId": stranger, "synced": False}
    got = [message["messageId"] for message in other.all("message:new")]
    # Merged by id: what was seen before may come again, what was missed comes once and in order.
    assert [id for id in got if id != first["id"]] == missed
    other.wait("room:roster", lambda roster: roster["roomId"] == team.text)
    live = post(bob_person, team.text, "live")
    other.wait("message:new", lambda message: message["messageId"] == live["id"])


def test_of_more_than_100_missed_messages_the_newest_are_kept_T10(stack, connect):
    # Many people, because each may send five in ten seconds.
    team = make_team(stack.url, *[f"p{number}" for number in range(21)])
    sent = [post(person, team.text, f"{number}")["id"] for person in team.people for number in range(5)]
    client = connect(token=team.people[0].token)
    answer = client.call("rooms:sync", {"rooms": [{"roomId": team.text, "lastSeenAt": "2020-01-01T00:00:00.000Z"}]})
    assert answer["results"] == [{"roomId": team.text, "synced": True, "messageCount": 100, "hasMore": True}]
    assert [message["messageId"] for message in client.all("message:new")] == sent[-100:]


@pytest.mark.parametrize("command", ["kill", "stop"])
@pytest.mark.parametrize("transports", [["polling"], ["websocket"]], ids=["polling", "websocket"])
def test_a_gateway_that_goes_is_left_and_nothing_is_missed_T9_O20(stack, team, connect, command, transports):
    ada_person, bob_person = team.people
    ada = connect(token=ada_person.token, reconnection=True, gateway="g1", transports=transports)
    ada.call("room:join", {"roomId": team.text})
    seen = post(bob_person, team.text, "seen")
    last_seen = ada.wait("message:new", lambda message: message["messageId"] == seen["id"])["createdAt"]
    stack.run(command, "gateway-1")
    try:
        missed = post(bob_person, team.text, "missed")
        ada.wait_for(lambda: ada.connections == 2, "the client did not come back")
        assert ada.sio.eio.sid.startswith("g0.")
        ada.call("rooms:sync", {"rooms": [{"roomId": team.text, "lastSeenAt": last_seen}]})
        ada.wait("message:new", lambda message: message["messageId"] == missed["id"])
    finally:
        stack.run("start", "gateway-1")


def test_who_is_not_in_a_room_gets_and_sends_nothing(stack, team, connect):
    ada_person, bob_person = team.people
    private = ada_person.call(
        "POST", f"/workspaces/{team.workspace}/channels", name="secret", visibility="private")["id"]
    bob = connect(token=bob_person.token)
    for event in ("room:join", "message:send", "presence:ping"):
        refused = bob.call(event, {"roomId": private, "text": "x", "clientMsgId": key()})
        assert refused["success"] is False and refused["code"] == "not_found"
    bob.call("room:join", {"roomId": team.text})
    post(ada_person, private, "secret")
    open_message = post(ada_person, team.text, "open")
    bob.wait("message:new", lambda message: message["messageId"] == open_message["id"])
    assert [message["text"] for message in bob.all("message:new")] == ["open"]


def test_a_room_that_was_left_is_silent(team, connect):
    ada_person, bob_person = team.people
    bob = connect(token=bob_person.token)
    for room in (team.text, team.voice):
        bob.call("room:join", {"roomId": room})
    assert bob.call("room:leave", {"roomId": team.text}) == {"success": True}
    post(ada_person, team.text, "unheard")
    heard = post(ada_person, team.voice, "heard")
    bob.wait("message:new", lambda message: message["messageId"] == heard["id"])
    assert [message["text"] for message in bob.all("message:new")] == ["heard"]


@pytest.mark.parametrize("text", ["", "x" * 16_001], ids=["empty", "too long"])
def test_a_text_out_of_bounds_is_refused_with_a_reason(team, connect, text):
    ada = connect(token=team.people[0].token)
    refused = ada.call("message:send", {"roomId": team.text, "text": text, "clientMsgId": key()})
    assert refused["success"] is False and refused["code"] == "validation_failed" and refused["error"]


def test_signing_out_cuts_the_client(stack, team, connect):
    person = team.people[0]
    ada = connect(token=person.token)
    person.call("POST", "/auth/logout")
    ada.wait_for(lambda: any(name == "disconnect" for name, _ in ada.events), "the client stayed")
    with pytest.raises(Refused):
        connect(token=person.token)
