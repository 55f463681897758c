"""What MSAL for Python costs, used as its documentation shows: one PublicClientApplication, its cache in a file by MSAL Extensions."""

import json
import os
import random
import sys
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import msal
import msal_extensions
import requests

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


def live(app, threads):
    """An app whose threads ask for tokens until standard input is closed. Without an account its user has to log in again."""

    def is_refused(account):
        result = app.acquire_token_silent_with_error(SCOPES, account)
        return bool(result) and result.get("error") == "invalid_grant"

    def ask_on():
        while True:
            time.sleep(random.uniform(0.001, 0.008))
            try:
                account = next(iter(app.get_accounts()), None)
                if account is None:
                    time.sleep(0.05)
                elif is_refused(account):
                    # Another thread or process may just have new tokens.
                    time.sleep(0.5)
                    if is_refused(account):
                        app.remove_account(account)
            except Exception as error:
                print(json.dumps({"Passing": f"{type(error).__name__}: {error}"[:300]}), flush=True)

    for _ in range(threads):
        threading.Thread(target=ask_on, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def main():
    scenario, issuer, file, ca = sys.argv[1:5]
    cache = msal_extensions.PersistedTokenCache(msal_extensions.FilePersistence(file))
    http = requests.Session()
    http.verify = ca
    if scenario == "work":
        http.headers["x-worker"] = sys.argv[6]
    # MSAL wants a path in the address, and keyfob-idp has none: a dot is one, and goes nowhere.
    app = msal.PublicClientApplication("demo", oidc_authority=issuer + "/.", token_cache=cache, http_client=http)
    if scenario == "work":
        live(app, int(sys.argv[5]))
    if scenario == "login":
        login(app)
        ask("# count /token")
        login(app)
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
