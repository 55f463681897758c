import Keyfob
import SwiftUI
import UIKit

struct LoginView: View {
    @ObservedObject var accounts: Accounts
    let cause: String?

    @State private var message: String?

    var body: some View {
        VStack {
            if let cause { Text("You were logged out: \(cause)") }
            if let message { Text(message) }
            Button("Log in") { Task { await logIn() } }
        }
    }

    private func logIn() async {
        guard let keyfob = accounts.keyfob, let window = Self.window else { return }
        await accounts.settled()
        do {
            // The stream of changes draws the next page.
            _ = try await keyfob.loginInWebSession(Store.registration, over: window)
            message = nil
        } catch KeyfobError.cancelled {
            // The user closed the sheet.
        } catch KeyfobError.accessDenied {
            message = "You did not allow it."
        } catch let error as KeyfobError where error.details.isRetryable {
            message = "That did not work. Try again in a moment."
        } catch {
            message = "That did not work: \(error)"
        }
    }

    @MainActor private static var window: UIWindow? {
        UIApplication.shared.connectedScenes.compactMap { ($0 as? UIWindowScene)?.keyWindow }.first
    }
}

struct NotesView: View {
    @ObservedObject var accounts: Accounts
    let name: String

    var body: some View {
        VStack {
            Text("Hello, \(name)")
            Button("Log out") { Task { await accounts.logOut() } }
        }
    }
}
