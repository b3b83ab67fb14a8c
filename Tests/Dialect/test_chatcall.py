"""ChatCall's events of chat and presence, in the namespace /chatcall: conversations are channels."""

import uuid

NAMESPACE = "/chatcall"


def test_messages_typing_and_read_positions_C3(team, connect):
    ada_person, bob_person = team.people
    conversation = team.direct(ada_person, bob_person)
    ada = connect(token=ada_person.token, namespace=NAMESPACE, gateway="g0")
    bob, tablet = (connect(token=bob_person.token, namespace=NAMESPACE, gateway="g1") for _ in range(2))

    ada.emit("chat:typing", {"conversationId": conversation})
    typing = bob.wait("chat:typing")
    assert typing == {
        "conversationId": conversation, "userId": ada_person.user_id, "username": ada_person.username}
    ada.emit("chat:stopTyping", {"conversationId": conversation})
    assert bob.wait("chat:stopTyping")["userId"] == ada_person.user_id

    # As ChatCall's own client sends it: no key, no acknowledgement.
    ada.emit("chat:message", {"conversationId": conversation, "content": "Hello", "type": "text"})
    for client in (ada, bob, tablet):
        message = client.wait("chat:message")
        assert (message["content"], message["type"]) == ("Hello", "text")
        assert message["conversationId"] == conversation and message["senderId"] == ada_person.user_id
        assert message["sender"]["username"] == ada_person.username

    bob.emit("chat:markRead", {"conversationId": conversation})
    assert tablet.wait("chat:read") == {"conversationId": conversation, "userId": bob_person.user_id}
    unread = bob_person.call("GET", f"/channels/{conversation}/unread")
    assert unread["unreadCount"] == 0


def test_a_retry_with_a_key_is_stored_once_C3_O11(team, connect):
    ada = connect(token=team.people[0].token, namespace=NAMESPACE)
    message = {"conversationId": team.text, "content": "once", "clientMsgId": str(uuid.uuid4())}
    first, again = ada.call("chat:message", message), ada.call("chat:message", message)
    assert first["success"] is True and again == {**first, "isDuplicate": True}


def test_a_client_without_acknowledgements_is_told_of_refusals(team, connect):
    ada = connect(token=team.people[0].token, namespace=NAMESPACE)
    ada.emit("chat:message", {"conversationId": str(uuid.uuid4()), "content": "x"})
    assert ada.wait("chat:error")["code"] == "not_found"


def test_who_is_online_is_listed_and_changes_follow_C3_T8(team, connect):
    ada_person, bob_person = team.people
    ada = connect(token=ada_person.token, namespace=NAMESPACE)
    ada.wait("presence:onlineList")
    bob = connect(token=bob_person.token, namespace=NAMESPACE)
    assert ada.wait("presence:online", lambda one: one["userId"] == bob_person.user_id)
    assert set(bob.call("presence:onlineList") or bob.wait("presence:onlineList")) <= {
        ada_person.user_id, bob_person.user_id}
    bob.close()
    assert ada.wait("presence:offline", lambda one: one["userId"] == bob_person.user_id)
