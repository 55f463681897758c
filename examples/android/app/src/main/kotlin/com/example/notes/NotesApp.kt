package com.example.notes

import android.app.Application
import dev.keyfob.Keyfob
import dev.keyfob.android.KeystoreKey
import dev.keyfob.android.Places
import dev.keyfob.android.UrlConnectionTransport
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async

/** The process. It has one handle, opened once and kept. */
class NotesApp : Application() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** Opening reads files and asks the Keystore: not on the main thread. Touches no network. */
    val keyfob: Deferred<Keyfob> by lazy { scope.async { open() } }

    override fun onCreate() {
        super.onCreate()
        MaintenanceJob.schedule(this)
    }

    private suspend fun open(): Keyfob = Keyfob.open(
        config(),
        transport = UrlConnectionTransport(),
        storeKey = KeystoreKey(this),
        deviceBinding = Places.deviceBinding(this),
    )

    private fun config() =
        """
        { "store": { "path": "${Places.store(this)}" },
          "registrations": [
            { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://sso.example.com" },
              "client_id": "notes", "redirect_uri": "com.example.notes:/callback/work-sso",
              "scopes": ["openid", "email", "offline_access"] } ] }
        """
}
