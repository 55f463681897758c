package dev.keyfob

import java.time.Duration
import java.time.Instant

/** The system's clocks, and how far they have been turned. */
public class Turned : Clock {
    @Volatile
    var ahead: Duration = Duration.ZERO

    override fun wall(): Instant = Instant.now().plus(ahead)

    override fun boot(): Duration = Duration.ofNanos(System.nanoTime()).plus(ahead)

    override fun bootId(): String = "one boot"
}
