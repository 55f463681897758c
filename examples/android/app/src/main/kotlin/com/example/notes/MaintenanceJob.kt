package com.example.notes

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import java.time.Duration

/** Four times a day, with a network: what is owed is done. An app that has WorkManager does the same in a `CoroutineWorker`. */
class MaintenanceJob : JobService() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    override fun onStartJob(parameters: JobParameters): Boolean {
        scope.launch {
            // The system gives a job ten minutes.
            val done = runCatching { (application as NotesApp).keyfob.await().maintain(Duration.ofMinutes(2)) }.getOrNull()
            jobFinished(parameters, done == null || done.failed + done.owed > 0)
        }
        return true
    }

    /** The system wants it to end. A request that was sent is seen through all the same, as long as the process lives. */
    override fun onStopJob(parameters: JobParameters): Boolean {
        scope.cancel()
        return true
    }

    companion object {
        private const val ID = 1

        fun schedule(context: Context) {
            val jobs = context.getSystemService(JobScheduler::class.java) ?: return
            if (jobs.getPendingJob(ID) != null) return
            val job =
                JobInfo
                    .Builder(ID, ComponentName(context, MaintenanceJob::class.java))
                    .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                    .setPeriodic(Duration.ofHours(6).toMillis())
                    .setPersisted(true)
                    .build()
            jobs.schedule(job)
        }
    }
}
