package dev.keyfob.android

import android.app.Activity
import android.content.ComponentName
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Bundle

/**
 * Takes the redirect from the browser, and brings the app to the front with it: a private-use scheme or an app link comes here, as the manifest says. It
 * shows nothing and keeps nothing.
 *
 * What gets the redirect is the app's launcher activity, or the one that a `<meta-data android:name="dev.keyfob.android.RETURN_TO">` of the app's manifest
 * names. It is reused where it is there (`onNewIntent`), which also closes the Custom Tab above it, and made where the process died meanwhile
 * (`onCreate`): both find the redirect by [redirectUrl], or hand their intent to [completeLogin].
 *
 * Any app can send an intent here. That is harmless: a redirect that belongs to no login of the store is refused, and nothing is sent for it.
 */
public class RedirectActivity : Activity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        handOn(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        handOn(intent)
    }

    private fun handOn(intent: Intent) {
        val redirect = intent.data?.takeIf { intent.action == Intent.ACTION_VIEW }
        val back = returnTo()
        if (redirect != null && back != null) {
            // In the task of the app, not in the browser's: a browser may have put this activity into its own.
            back.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
            startActivity(back.putExtra(REDIRECT, redirect.toString()))
        }
        finish()
    }

    private fun returnTo(): Intent? {
        val application = packageManager.getApplicationInfo(packageName, PackageManager.GET_META_DATA)
        val named = application.metaData?.getString(RETURN_TO)
        return if (named != null) {
            Intent().setComponent(ComponentName(packageName, if (named.startsWith('.')) packageName + named else named))
        } else {
            packageManager.getLaunchIntentForPackage(packageName)
        }
    }

    internal companion object {
        const val REDIRECT = "dev.keyfob.android.REDIRECT"
        const val RETURN_TO = "dev.keyfob.android.RETURN_TO"
    }
}
