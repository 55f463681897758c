package dev.keyfob.android

import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.w3c.dom.Element
import java.nio.file.Path
import java.util.zip.ZipFile
import javax.xml.parsers.DocumentBuilderFactory

/** The archive that Gradle takes. */
internal class ArchiveTest {
    private val archive = ZipFile(Path.of(System.getProperty("keyfob.aar")).toFile())

    private fun bytes(name: String) = archive.getInputStream(archive.getEntry(name) ?: error("no $name")).use { it.readBytes() }

    private fun xml(name: String): Element = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(bytes(name).inputStream()).documentElement

    private fun Element.all(name: String): List<Element> = getElementsByTagName(name).let { list -> List(list.length) { list.item(it) as Element } }

    @Test
    fun `it has what an Android library has`() {
        val names = archive.entries().asSequence().map { it.name }.toSet()
        for (needed in listOf("AndroidManifest.xml", "classes.jar", "R.txt", "proguard.txt")) assertTrue(needed, needed in names)
        assertTrue(bytes("classes.jar").size > 1000)
    }

    @Test
    fun `its manifest names the activity, which is there, and the app's scheme`() {
        val manifest = xml("AndroidManifest.xml")
        val activity = manifest.all("activity").single()
        assertEquals(RedirectActivity::class.java.name, activity.getAttribute("android:name"))
        assertEquals("true", activity.getAttribute("android:exported"))
        assertEquals("\${keyfobRedirectScheme}", activity.all("data").single().getAttribute("android:scheme"))
        assertEquals(2, manifest.all("queries").single().all("intent").size)
    }

    @Test
    fun `its backup rules leave the store out, of backups and of transfers`() {
        val rules = xml("res/xml/keyfob_data_extraction_rules.xml")
        for (way in listOf("cloud-backup", "device-transfer")) {
            assertTrue(way, rules.all(way).single().all("exclude").any { it.getAttribute("domain") == "file" && it.getAttribute("path") == "keyfob/" })
        }
        assertTrue(xml("res/xml/keyfob_full_backup_rules.xml").all("exclude").any { it.getAttribute("path") == "keyfob/" })
    }

    @Test
    fun `its rules for R8 keep what the native side calls by name`() {
        val rules = String(bytes("proguard.txt"))
        for (kept in listOf("com.sun.jna.**", "dev.keyfob.internal.**")) assertTrue(kept, "-keep class $kept { *; }" in rules)
    }
}
