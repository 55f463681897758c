package dev.keyfob

import dev.keyfob.internal.HostClock
import java.time.Duration
import java.time.Instant

/**
 * What time it is, for tests that do not want to wait. Called often and from any thread: answer at once, and do not call Keyfob.
 * Where it throws, the system's clock answers.
 */
public interface Clock {
    /** The wall clock. May be wrong, and may jump. */
    public fun wall(): Instant

    /** Time since boot, sleep included. Never goes back while [bootId] stays the same. */
    public fun boot(): Duration

    /** A name for this boot of the system, other after each restart; null where the system does not tell. */
    public fun bootId(): String?
}

internal class ClockAdapter(private val host: Clock) : HostClock {
    override fun wall(): Instant = host.wall()

    override fun boot(): Duration = host.boot()

    override fun bootId(): String? = host.bootId()
}
