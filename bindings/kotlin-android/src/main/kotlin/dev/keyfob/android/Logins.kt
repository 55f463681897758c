package dev.keyfob.android

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import dev.keyfob.Completed
import dev.keyfob.Keyfob
import dev.keyfob.Login
import dev.keyfob.LoginOptions

/**
 * Begins a login and opens its page in a Custom Tab. May touch the network, as [Keyfob.beginLogin] does.
 *
 * The login is stored before the tab opens: the process may die while the user is there. **Going back or home ends nothing**, for the user may be looking
 * up a password: the login waits until its redirect comes, until it is over by itself ([Login.expiresAt]), or until the app calls [Keyfob.cancelLogin].
 *
 * @throws ActivityNotFoundException there is no browser; the login is cancelled
 */
public suspend fun Keyfob.openLogin(activity: Activity, registration: String, options: LoginOptions = LoginOptions()): Login {
    val login = beginLogin(registration, options)
    if (!CustomTab.open(activity, login.authorizationUrl)) {
        cancelLogin(login.id)
        throw ActivityNotFoundException("no browser")
    }
    return login
}

/** The redirect that [RedirectActivity] brought to an activity, null where the intent has none. Holds a code: do not log it. */
public val Intent.redirectUrl: String? get() = getStringExtra(RedirectActivity.REDIRECT)

/**
 * Completes the login whose redirect came with an intent; null where it has none. Touches the network.
 *
 * For `onCreate` and `onNewIntent` alike. An activity that is made again (rotation, process death) has the same intent once more: the redirect that made a
 * session answers with that session, and nothing is sent twice.
 *
 * @throws dev.keyfob.KeyfobException as [Keyfob.completeLogin]
 */
public suspend fun Keyfob.completeLogin(intent: Intent): Completed? = intent.redirectUrl?.let { completeLogin(it) }
