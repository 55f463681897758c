package dev.keyfob

import dev.keyfob.internal.HostBrowser
import java.time.Duration
import dev.keyfob.internal.BrowserLogin as RawBrowserLogin
import dev.keyfob.internal.LoginControl as RawLoginControl
import dev.keyfob.internal.LoginPages as RawLoginPages
import dev.keyfob.internal.PageText as RawPageText

/**
 * What a login in the browser is to be like ([Keyfob.loginInBrowser]).
 *
 * @property options what the login asks for. Its `success` and `failure` are where the browser is sent at the end, where they are absolute links; else it
 *   shows the built-in pages. Its `redirectPort` is the port to listen on
 * @property pages what the built-in pages say
 * @property timeLimit how long to wait for the redirect. The configuration's limit for logins holds too
 */
public class BrowserLogin(
    public val options: LoginOptions = LoginOptions(),
    public val pages: LoginPages = LoginPages(),
    public val timeLimit: Duration = Duration.ofMinutes(5),
) {
    init {
        require(!timeLimit.isNegative) { "timeLimit is negative" }
    }

    internal fun raw() = RawBrowserLogin(options.raw(), pages.raw(), timeLimit.toMillis().toULong())

    /** Without the links, the parameters and the app's own. */
    override fun toString(): String = "BrowserLogin($options, timeLimit=$timeLimit)"
}

/**
 * What the pages at the end of a login in the browser say. Everything has an English default; all of it is plain text.
 *
 * @property app what they call the app
 * @property language the language of the texts (BCP 47, for instance `de` or `pt-BR`), for screen readers
 * @property rightToLeft whether the texts are written from right to left
 * @property success after a login
 * @property denied after the user, or the provider's policy, said no
 * @property failure after any other failure: what to do now; the name of the reason stands below it
 */
public class LoginPages(
    public val app: String? = null,
    public val language: String? = null,
    public val rightToLeft: Boolean = false,
    public val success: PageText? = null,
    public val denied: PageText? = null,
    public val failure: PageText? = null,
) {
    internal fun raw() = RawLoginPages(app, language, rightToLeft, success?.raw(), denied?.raw(), failure?.raw())

    override fun toString(): String = "LoginPages(app=$app, language=$language)"
}

/**
 * What a page says.
 *
 * @property title the title
 * @property text what stands below it
 */
public class PageText(public val title: String, public val text: String) {
    internal fun raw() = RawPageText(title, text)

    override fun toString(): String = "PageText($title)"
}

/** The other end of a login that waits: made before it, given to it, and used from anywhere. One for each login. */
public class LoginControl {
    internal val raw: RawLoginControl = translating { RawLoginControl.make() }

    /**
     * Ends the login that waits: it throws [KeyfobException.Cancelled] and is over in the store. Before the login begins, it will not begin. A login
     * whose answer is there already is completed.
     */
    public fun cancel(): Unit = translating { raw.cancel() }

    /** Whether somebody has cancelled. */
    public val isCancelled: Boolean get() = translating { raw.isCancelled() }

    /**
     * Hands the redirect over to a login in the browser that waits: the whole URL, as the user copied it from a browser that could not reach this machine.
     *
     * @throws KeyfobException.RedirectRejected not a redirect of the login that waits, or none waits; the login waits on
     */
    public fun handOver(redirectUrl: String): Unit = translating { raw.handOver(redirectUrl) }

    override fun toString(): String = "LoginControl(cancelled=$isCancelled)"
}

/** Opens what [open] does. */
internal class BrowserAdapter(private val open: (String) -> Boolean) : HostBrowser {
    override fun openUrl(url: String): Boolean = open(url)
}
