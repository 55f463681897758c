package dev.keyfob

import dev.keyfob.internal.HostExecutor
import dev.keyfob.internal.Work
import kotlinx.coroutines.launch
import java.util.concurrent.Executor

/** The threads of an [Executor]. What that refuses is dropped by the core, which asks again later. */
internal class ExecutorAdapter(private val host: Executor) : HostExecutor {
    override fun execute(work: Work): Unit = host.execute { work.done() }
}

/** The threads that all calls are made on. */
internal object OwnThreads : HostExecutor {
    override fun execute(work: Work) {
        scope.launch { work.done() }
    }
}

private fun Work.done(): Unit = use { runCatching { it.run() } }
