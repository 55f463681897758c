package dev.keyfob.android

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.content.pm.ResolveInfo
import android.net.Uri
import android.os.Bundle

/** The page of the provider, in a Custom Tab of the user's browser: it has the browser's cookies and passwords, and the app sees none of it. */
public object CustomTab {
    private const val SESSION = "android.support.customtabs.extra.SESSION"
    private const val TITLE = "android.support.customtabs.extra.TITLE_VISIBILITY"
    private const val SERVICE = "android.support.customtabs.action.CustomTabsService"

    /**
     * Opens a page in a Custom Tab of the user's browser; in the browser itself, where it has none. Returns at once.
     *
     * @param url the page: [dev.keyfob.Login.authorizationUrl], or [dev.keyfob.Ended.logoutUrl]
     * @return false where there is no browser at all
     */
    public fun open(activity: Activity, url: String): Boolean = try {
        activity.startActivity(intent(activity, url))
        true
    } catch (_: ActivityNotFoundException) {
        false
    }

    /** The intent of [open], for an app that adds its own colours. */
    public fun intent(context: Context, url: String): Intent {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(url)).addCategory(Intent.CATEGORY_BROWSABLE)
        // A session, even none, is what makes it a Custom Tab and no page of the browser's own.
        val extras = Bundle().apply { putBinder(SESSION, null) }
        intent.putExtras(extras).putExtra(TITLE, 1)
        // By name: an app that claims the provider's links must not get the login instead of a browser.
        browser(context)?.let(intent::setPackage)
        return intent
    }

    /** The user's browser, if it has Custom Tabs; else another one that has; else the user's browser. */
    private fun browser(context: Context): String? {
        val packages = context.packageManager
        val anyPage = Intent(Intent.ACTION_VIEW, Uri.fromParts("https", "", null)).addCategory(Intent.CATEGORY_BROWSABLE)
        val all = packages.queryIntentActivities(anyPage, PackageManager.MATCH_ALL).filter(::isBrowser).map { it.activityInfo.packageName }
        val usual = packages.resolveActivity(anyPage, PackageManager.MATCH_DEFAULT_ONLY)?.activityInfo?.packageName?.takeIf { it in all }
        val inOrder = listOfNotNull(usual) + all
        return inOrder.firstOrNull { packages.resolveService(Intent(SERVICE).setPackage(it), 0) != null } ?: inOrder.firstOrNull()
    }

    /** What opens pages of any host; other apps open those of theirs. */
    private fun isBrowser(found: ResolveInfo): Boolean = found.filter == null || !found.filter.authoritiesIterator().let { it != null && it.hasNext() }
}
