package dev.keyfob.android

import android.content.Context
import java.io.File
import java.io.FileOutputStream
import java.security.SecureRandom

/** Where an app keeps what is Keyfob's: in `noBackupFilesDir`, which no backup and no transfer to a new device takes along. */
public object Places {
    /** The folder for `store.path` of the configuration. [dev.keyfob.Keyfob.open] makes it. */
    public fun store(context: Context): File = File(context.noBackupFilesDir, "keyfob")

    /**
     * Bytes for `deviceBinding` of [dev.keyfob.Keyfob.open]: 16 random ones, made when they are first asked for. A store that comes to another device without
     * them (a copy of a rooted one, a restored image) is noticed there. Reads a file: not for the main thread.
     */
    public fun deviceBinding(context: Context): ByteArray {
        val file = File(context.noBackupFilesDir, "keyfob-device")
        synchronized(this) {
            if (!file.exists()) write(file, ByteArray(16).also(SecureRandom()::nextBytes))
            return file.readBytes()
        }
    }

    /** A file that is there as a whole or not at all, also after a power cut. */
    internal fun write(file: File, bytes: ByteArray) {
        val draft = File(file.path + ".new")
        FileOutputStream(draft).use {
            it.write(bytes)
            it.fd.sync()
        }
        check(draft.renameTo(file)) { "cannot rename" }
    }
}
