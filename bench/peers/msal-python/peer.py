"""What MSAL for Python costs, used as its documentation shows: one PublicClientApplication, its cache serialized to a file."""

import json
import sys
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import msal

SCOPES = ["email"]  # MSAL adds openid, profile and offline_access itself.
REDIRECT_URI = "http://127.0.0.1/callback/work-sso"


def ask(line):
    """Prints a line for whoever started this, and reads the line that answers it."""
    print(line, flush=True)
    return sys.stdin.readline().strip()


def login(app):
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT_URI)
    redirect = ask(flow["auth_uri"])
    result = app.acquire_token_by_auth_code_flow(flow, dict(parse_qsl(urlsplit(redirect).query)))
    if "access_token" not in result:
        sys.exit(f"no token: {result.get('error')} {result.get('error_description')}")


def main():
    scenario, issuer, file, ca = sys.argv[1:5]
    cache = msal.SerializableTokenCache()
    if scenario != "login":
        with open(file, encoding="utf-8") as stored:
            cache.deserialize(stored.read())
    # MSAL wants a path in the address, and keyfob-idp has none: a dot is one, and goes nowhere.
    app = msal.PublicClientApplication("demo", oidc_authority=issuer + "/.", token_cache=cache, verify=ca)
    if scenario == "login":
        login(app)
        ask("# count /token")
        login(app)
        with open(file, "w", encoding="utf-8") as stored:
            stored.write(cache.serialize())
        print("result {}")
        return
    account = app.get_accounts()[0]
    token = lambda: app.acquire_token_silent(SCOPES, account)
    times = int(sys.argv[5])
    if scenario == "cached":
        token()
        begun = time.perf_counter_ns()
        for _ in range(times):
            if "access_token" not in token():
                sys.exit("no token")
        print("result", json.dumps({"nanoseconds": (time.perf_counter_ns() - begun) / times}))
    elif scenario == "race":
        ask("# ready now")
        failed = []

        def work():
            result = token()
            if not result or "access_token" not in result:
                failed.append(result)

        threads = [threading.Thread(target=work) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("result", json.dumps({"failed": len(failed)}))


main()
