pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}
dependencyResolutionManagement {
    repositories {
        // What `mvn -f bindings/pom.xml install` put there, until it is published.
        mavenLocal()
        google()
        mavenCentral()
    }
}
rootProject.name = "notes"
include(":app")
