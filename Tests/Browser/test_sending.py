"""What a person sees of a message that has trouble on its way, and of a token that has expired."""

import json

from playwright.sync_api import Route, expect

MESSAGES = "**/api/v1/channels/*/messages"


def test_O12_O11_a_lost_answer_leaves_one_message(pair):
    """O12, O11: the server stores it, the answer is lost, the client tries again with the same key: one message."""
    ada, bob, _ = pair
    keys: list[str] = []

    def lose_first_answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(json.loads(route.request.post_data)["idempotencyKey"])
        if len(keys) == 1:
            route.fetch()
            return route.abort("connectionreset")
        return route.continue_()

    ada.page.route(MESSAGES, lose_first_answer)
    ada.send("sent once")
    expect(ada.message("sent once")).to_have_attribute("data-state", "sent")
    expect(bob.message("sent once")).to_have_count(1)
    expect(ada.message("sent once")).to_have_count(1)
    ada.page.unroute(MESSAGES)
    assert len(set(keys)) == 1


def test_O12_pending_then_failed_then_sent_by_retry(pair):
    """O12: a message shows at once as pending, as failed when refused, and is sent by its Retry."""
    ada, bob, _ = pair
    answers: list[Route] = []
    ada.page.route(MESSAGES, lambda route: answers.append(route) if route.request.method == "POST" else route.continue_())
    ada.send("trouble ahead")
    expect(ada.message("trouble ahead")).to_have_attribute("data-state", "pending")
    problem = {"type": "about:blank", "title": "no", "status": 422, "code": "validation_failed", "detail": "Not today."}
    ada.page.wait_for_function("true")
    while not answers:
        ada.page.wait_for_timeout(20)
    answers[0].fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))
    expect(ada.message("trouble ahead")).to_have_attribute("data-state", "failed")
    expect(ada.message("trouble ahead")).to_contain_text("Not today.")
    ada.page.unroute(MESSAGES)
    ada.page.get_by_test_id("retry-message").click()
    expect(ada.message("trouble ahead")).to_have_attribute("data-state", "sent")
    expect(bob.message("trouble ahead")).to_have_count(1)


def test_C12_an_expired_token_is_refreshed_once_and_the_request_repeated(pair):
    """C12: on 401 the client refreshes once and tries again; nobody notices."""
    ada, bob, _ = pair
    refused: list[str] = []
    refreshed: list[str] = []
    ada.page.on("request", lambda request: refreshed.append(request.url) if "/auth/refresh" in request.url else None)

    def expire_first(route: Route) -> None:
        if route.request.method == "POST" and not refused:
            refused.append(route.request.url)
            problem = {"type": "about:blank", "title": "expired", "status": 401, "code": "token_expired"}
            return route.fulfill(status=401, content_type="application/problem+json", body=json.dumps(problem))
        return route.continue_()

    ada.page.route(MESSAGES, expire_first)
    ada.send("with a fresh token")
    expect(bob.message("with a fresh token")).to_have_count(1)
    expect(ada.message("with a fresh token")).to_have_attribute("data-state", "sent")
    ada.page.unroute(MESSAGES)
    assert len(refused) == 1 and len(refreshed) == 1


def test_C12_S8_an_ended_session_leads_to_sign_in(pair):
    """C12, S8: when the session is gone the page asks to sign in again."""
    _, bob, _ = pair
    bob.page.evaluate(
        """async () => {
            const signedIn = await (await fetch("/api/v1/auth/refresh", {
                method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" })).json();
            await fetch("/api/v1/auth/logout", {
                method: "POST", headers: { Authorization: `Bearer ${signedIn.accessToken}` } });
        }""")
    expect(bob.page.get_by_test_id("login")).to_be_visible()
