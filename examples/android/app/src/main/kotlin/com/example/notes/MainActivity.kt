package com.example.notes

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import dev.keyfob.EndSession
import dev.keyfob.Keyfob
import dev.keyfob.KeyfobException
import dev.keyfob.Session
import dev.keyfob.SessionChange
import dev.keyfob.android.CustomTab
import dev.keyfob.android.completeLogin
import dev.keyfob.android.openLogin
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** The one screen: a button to log in with, then who is logged in. It may be made again at any time, by a rotation or after the process died. */
class MainActivity : Activity() {
    private lateinit var scope: CoroutineScope
    private lateinit var text: TextView
    private lateinit var button: Button

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        scope = MainScope()
        text = TextView(this)
        button = Button(this)
        setContentView(
            LinearLayout(this).apply {
                orientation = LinearLayout.VERTICAL
                addView(text)
                addView(button)
            },
        )
        work { keyfob -> keyfob.changes.collect { if (it is SessionChange.Ended) show(keyfob.currentSession()) } }
        complete(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        complete(intent)
    }

    override fun onDestroy() {
        // What was begun goes on: a login that is being completed is found by completing it again.
        scope.cancel()
        super.onDestroy()
    }

    /** The intent may have a redirect, may have had it before, or be the launcher's. */
    private fun complete(intent: Intent) = work { keyfob ->
        keyfob.completeLogin(intent)
        show(keyfob.currentSession())
    }

    private fun logIn() = work { keyfob ->
        // One attempt at a time is enough here. Coming back without a redirect ended none.
        keyfob.pendingLogins().forEach { keyfob.cancelLogin(it.id) }
        try {
            keyfob.openLogin(this, "work-sso")
        } catch (_: ActivityNotFoundException) {
            text.text = "There is no browser."
        }
    }

    private fun logOut(session: Session) = work { keyfob ->
        val ended = keyfob.endSession(session.id, EndSession())
        ended.logoutUrl?.let { CustomTab.open(this, it) }
        show(null)
    }

    private fun show(session: Session?) {
        text.text = if (session == null) "Nobody is logged in." else "Hello, ${session.profile.name ?: session.providerUid}."
        button.text = if (session == null) "Log in" else "Log out"
        button.setOnClickListener { if (session == null) logIn() else logOut(session) }
    }

    private fun work(what: suspend (Keyfob) -> Unit): Job = scope.launch {
        val keyfob = (application as NotesApp).keyfob.await()
        try {
            what(keyfob)
        } catch (_: KeyfobException.AccessDenied) {
            show(null)
        } catch (error: KeyfobException) {
            // Safe to log and to show: it holds no token, no URL query and no words of the provider.
            show(keyfob.currentSession())
            text.text = error.message
        }
    }
}
