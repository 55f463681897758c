package dev.keyfob.android

import android.app.Activity
import android.content.ComponentName
import android.content.Intent
import android.content.IntentFilter
import android.net.Uri
import android.os.Bundle
import android.os.Parcel
import dev.keyfob.Completed
import dev.keyfob.Keyfob
import dev.keyfob.KeyfobException
import dev.keyfob.LoginOptions
import dev.keyfob.TestProvider
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

/** The app's own activity, as the sample has it: whatever brings it up, it completes what came with the intent. */
internal class NotesActivity : Activity() {
    var completed: Completed? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        complete(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        complete(intent)
    }

    private fun complete(intent: Intent) {
        completed = runBlocking { app.completeLogin(intent) }
    }

    companion object {
        /** The handle of the process. */
        lateinit var app: Keyfob
    }
}

/** The browser's way back, through everything that Android does to an app meanwhile. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
internal class RedirectTest {
    private val context = RuntimeEnvironment.getApplication()
    private val provider = TestProvider()
    private var handle: Keyfob = open()

    private fun open(): Keyfob = runBlocking { Keyfob.open(provider.config(Places.store(context).toPath())) }.also { NotesActivity.app = it }

    @After
    fun close() {
        handle.close()
        provider.close()
    }

    private fun browserIsThere() {
        val packages = shadowOf(context.packageManager)
        val browser = ComponentName("org.example.browser", "org.example.browser.Main")
        packages.addActivityIfNotPresent(browser)
        val pages = IntentFilter(Intent.ACTION_VIEW).apply { listOf(Intent.CATEGORY_BROWSABLE, Intent.CATEGORY_DEFAULT).forEach(::addCategory) }
        packages.addIntentFilterForActivity(browser, pages.apply { addDataScheme("https") })
    }

    private fun launcherIsThere() {
        val packages = shadowOf(context.packageManager)
        val main = ComponentName(context, NotesActivity::class.java)
        packages.addActivityIfNotPresent(main)
        packages.addIntentFilterForActivity(main, IntentFilter(Intent.ACTION_MAIN).apply { addCategory(Intent.CATEGORY_LAUNCHER) })
    }

    /** Begins a login in an activity; gives the page that its Custom Tab shows. */
    private fun beginIn(activity: Activity): String {
        runBlocking { handle.openLogin(activity, "work-sso", LoginOptions(success = "app:/home", redirectPort = 4100)) }
        return shadowOf(activity).nextStartedActivity.dataString!!
    }

    /** What the system does with the redirect; gives the intent for the app's own activity. */
    private fun deliver(redirect: String): Intent {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(redirect))
        val receiver = Robolectric.buildActivity(RedirectActivity::class.java, intent).create().get()
        assertTrue("it is closed at once", receiver.isFinishing)
        return shadowOf(receiver).nextStartedActivity
    }

    /** The saved state as it survives the process: as bytes. */
    private fun throughAParcel(state: Bundle): Bundle {
        val parcel = Parcel.obtain()
        parcel.writeBundle(state)
        val bytes = parcel.marshall()
        val other = Parcel.obtain().apply { unmarshall(bytes, 0, bytes.size) }
        other.setDataPosition(0)
        return other.readBundle(javaClass.classLoader)!!
    }

    @Test
    fun `the page opens in a Custom Tab of a browser and of no other app`() {
        browserIsThere()
        val activity = Robolectric.buildActivity(NotesActivity::class.java).create().get()
        runBlocking { handle.openLogin(activity, "work-sso") }
        val tab = shadowOf(activity).nextStartedActivity
        assertEquals(Intent.ACTION_VIEW, tab.action)
        assertEquals("org.example.browser", tab.`package`)
        assertTrue(tab.hasExtra("android.support.customtabs.extra.SESSION"))
        assertTrue(tab.dataString!!.startsWith(provider.issuer))
    }

    @Test
    fun `a redirect brings the app's activity up with it`() {
        launcherIsThere()
        val activity = Robolectric.buildActivity(NotesActivity::class.java).create()
        assertNull(activity.get().completed)
        val redirect = provider.logIn(beginIn(activity.get()))
        val back = deliver(redirect)
        assertEquals(NotesActivity::class.java.name, back.component!!.className)
        val flags = Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP
        assertEquals("the one that is there, with the tab above it closed", flags, back.flags and flags)
        activity.newIntent(back)
        assertEquals("u-1", activity.get().completed?.session?.providerUid)
        assertEquals("app:/home", activity.get().completed?.returnTo)
    }

    @Test
    fun `the process dies in the browser and a new activity completes the login`() {
        launcherIsThere()
        val first = Robolectric.buildActivity(NotesActivity::class.java).create().start().resume()
        val page = beginIn(first.get())
        val saved = Bundle()
        first.pause().stop().saveInstanceState(saved)
        handle.close()

        // Another process: nothing is left but the store, the saved state and what the browser brings.
        handle = open()
        val back = deliver(provider.logIn(page))
        val second = Robolectric.buildActivity(NotesActivity::class.java, back).create(throughAParcel(saved)).get()
        assertEquals("u-1", second.completed?.session?.providerUid)
        assertEquals("app:/home", second.completed?.returnTo)
    }

    @Test
    fun `an activity that is turned completes the login once more and nothing is sent twice`() {
        launcherIsThere()
        val page = beginIn(Robolectric.buildActivity(NotesActivity::class.java).create().get())
        val activity = Robolectric.buildActivity(NotesActivity::class.java, deliver(provider.logIn(page))).create().start().resume()
        val session = activity.get().completed!!.session
        provider.forget()
        activity.recreate()
        assertEquals(session, activity.get().completed?.session)
        assertEquals(emptyList<Any>(), provider.requests())
    }

    @Test
    fun `back and home mean nothing until the app cancels`() {
        launcherIsThere()
        val activity = Robolectric.buildActivity(NotesActivity::class.java).create().start().resume()
        val (kept, cancelled) = List(2) { beginIn(activity.get()) }
        // Home, and back into the app without a redirect; then Back, which ends the activity.
        activity.pause().stop().restart().start().resume()
        activity.get().onBackPressed()
        activity.pause().stop().destroy()
        val waiting = runBlocking { handle.pendingLogins() }
        assertEquals(2, waiting.size)
        runBlocking { handle.cancelLogin(waiting[1].id) }

        val back = deliver(provider.logIn(kept))
        assertEquals("u-1", Robolectric.buildActivity(NotesActivity::class.java, back).create().get().completed?.session?.providerUid)
        val late = deliver(provider.logIn(cancelled))
        val error = assertThrows(KeyfobException.RedirectRejected::class.java) { runBlocking { handle.completeLogin(late) } }
        assertEquals("RedirectUsed", error.reason)
    }

    @Test
    fun `what is no redirect brings nothing up`() {
        launcherIsThere()
        val other = Robolectric.buildActivity(RedirectActivity::class.java, Intent(Intent.ACTION_MAIN)).create().get()
        assertTrue(other.isFinishing)
        assertNull(shadowOf(other).nextStartedActivity)
        assertNull(runBlocking { handle.completeLogin(Intent()) })
        val forged = deliver("com.example.notes:/callback?code=x&state=CANARY")
        val error = assertThrows(KeyfobException.RedirectRejected::class.java) { runBlocking { handle.completeLogin(forged) } }
        assertFalse("CANARY" in "$error")
    }

    @Test
    fun `without a browser the login is cancelled`() {
        shadowOf(context).checkActivities(true)
        val activity = Robolectric.buildActivity(NotesActivity::class.java).create().get()
        assertThrows(android.content.ActivityNotFoundException::class.java) { runBlocking { handle.openLogin(activity, "work-sso") } }
        assertEquals(emptyList<Any>(), runBlocking { handle.pendingLogins() })
    }
}
