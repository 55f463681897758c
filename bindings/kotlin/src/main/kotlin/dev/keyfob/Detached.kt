package dev.keyfob

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import dev.keyfob.internal.InternalException as RawPanic
import dev.keyfob.internal.KeyfobException as RawException

/**
 * A scope that no caller can cancel. `withContext` would wait for its block when the caller is cancelled, or have to interrupt it
 * between sending a refresh and saving its answer; `await` on work of this scope returns at once, and the work goes on.
 *
 * The limit is beside that of [Dispatchers.IO], not part of it: callers that wait for one refresh do not keep the app from its own I/O.
 */
internal val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO.limitedParallelism(64))

/** Runs a call into the core where it may block. A caller that is cancelled already has nothing begun for it. */
internal suspend fun <T> detached(call: () -> T): T {
    currentCoroutineContext().ensureActive()
    return scope.async { translating(call) }.await()
}

/** Runs a call into the core that never blocks where its caller is: to change threads takes longer than it does. */
internal suspend inline fun <T> atOnce(call: () -> T): T {
    currentCoroutineContext().ensureActive()
    return translating(call)
}

/** Makes what the generated layer throws into what this one documents. */
internal inline fun <T> translating(call: () -> T): T = try {
    call()
} catch (error: RawException) {
    throw KeyfobException.of(error)
} catch (_: RawPanic) {
    // What a panic says is not vetted for logs.
    throw KeyfobException.panicked()
}
