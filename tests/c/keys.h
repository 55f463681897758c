/* Private keys that sign for clients in tests, and for nobody else. */
#ifndef KEYS_H
#define KEYS_H

static const char p256_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgu3PBaDUgODSw9t/G\n"
    "mmO+NkofKAWb3vIw7ECvfOWM5hihRANCAAQ3+MiFY3pUAYKlVxfn7UfG2K4a4wPa\n"
    "cHTMn4Ri0LFvoazj10zwlRacFkRJVMNq1TgVtgH7QCch21yMrNvLaHKX\n"
    "-----END PRIVATE KEY-----\n";

static const char rsa_key[] =
    "A key for tests. It was made for this file, is public, and protects nothing.\n"
    "\n"
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCxonk08Vf5kAyP\n"
    "nMQtpF3S/2R1I5lsFeKN7pejHurWrg63DBLso3O1Xm9sDdaThMq5gAE0GK9s2DNO\n"
    "iSvh8n6eoA+LqsA2D06ab0uzhHRJ4KfmACczdUF7GRsA8jZPxxCtURp3Iq7wX9mW\n"
    "Dj7WS+i2WMECaNHM9yYtqRPgWx2cwyCa1Z3v8avy8JwKraf/WyPGTuv2JSaLETo3\n"
    "w84LDxzh73AJhe0lHBkrD2dIkvzlav0iKdRBuMoo0YNz0eEB1YemMCe738x89BaC\n"
    "WoRAaum0Td0vV/ooQJUj0W4IDDhzN2Yae+cUy/gVUbCEu9HIKWbAnX3WUzg6qWVt\n"
    "bnyTMyJDAgMBAAECggEAB1rUTOpfO6CIvJt/jeo7zkQvyx/VtuFzF3BVC/Z4P7pG\n"
    "NrMDx5N+83f9AgrSoxoA8MxJgHgzLz0GZs6MKBdLwdKbwisoOTTKCt/n0P9/dx2b\n"
    "pgzEkr9cnjWsZg4hTI1P9fUhNOSVPLOjRTDCzkmnUYF8QFbJtQRYqtRQ093B7J8f\n"
    "4IFN40AadPQvaawy/7c6dpRmfb+AULxbJBC8jc10QteTHcgValX/M3218MAEMWQP\n"
    "BeYtbX0CzLvKhGqv6Et6FZVA5xhz78m5138u2mtBPsmWYtI2+mOfUSvADADTpbXu\n"
    "nOeCwHYAOmmzsLVS7nhrJ0mIw7Q9R1T2TlgssydF/QKBgQDvLIZ4Y3QPfZxB/X8v\n"
    "1baqo8w1ntoRJ8NQkWF1zk1HajBXjo1s7U/3sP7x+/bKTMhrwriqVWoiHH+SByzA\n"
    "UnFsLpKZdFMDSnYXgrqUixpPQA0pzEqzIPT4zw0UCfci6yZVrKrbJo9DsSN5fvez\n"
    "I2oo2oSX/jEtjOjob9xo+9ldzQKBgQC+IaNnua6OQRjhiqWz7+IP9dodTW9mT9p+\n"
    "3Gg62IRQ71eCxXuegnptGAzVG76XUPUsYexYUwFo0K/KcOsZhEmDkbd0TV2cgMgX\n"
    "IR089zQMjt+O4n/4bk780QKxGC4eNSGvaZtNsL+upQA2gxl8rQQl0mi1C+E6yXdP\n"
    "6aqB2OvwTwKBgGoiHgHqUCRXnzGBZiE5+vc5/HKG7UnTlU55VQBL7esU6iLQdV2y\n"
    "6VuGxXtoThlzfTSkkgG0KYa9kragTHGDpCVXfWJvRi8dqc3BCz7Dg4dLawvzReq7\n"
    "YznN14Xe7jYmlzpJhv/82nI1dwKBHzX1LzS100UHXZdTAj+y8+H6cHi5AoGAfZz3\n"
    "ujWgr3cumwPgyep4Lhc9jRJ1wOCM+Ddh3U7izB30cP9L1sNZYu36vGjiGFJySGpB\n"
    "nXDpg3gsS9EiYe9WKkiBLaNXb2hdyXolOPwRNSLHbD0UUut93+Wuo5XYEjkEEkHx\n"
    "Svi1CwsUAu/GTOp5zQsgBkzc9tvXqcI01iicaF0CgYEAwHm1obOBEceog7WJZMWz\n"
    "H8BDiim69RMKCkoeQE+tkNiyF0rhzmbf4Yy+Hl8Tzyr1l+oJ7WhhnFOxw4CvoQQ3\n"
    "vSjho4dg5XdDG2igqUhwQUDuTMBGmRe9dgYVTUiv4s6ecRI9yLhk1ZG5QjTdpW6f\n"
    "4W6dcnhnPYygWj4iSofvrQQ=\n"
    "-----END PRIVATE KEY-----\n";

#endif
