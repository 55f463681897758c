import BackgroundTasks
import SwiftUI

@main
struct NotesApp: App {
    static let refresh = "com.example.notes.refresh"

    @StateObject private var accounts = Accounts()
    @Environment(\.scenePhase) private var phase

    var body: some Scene {
        WindowGroup {
            Group {
                switch accounts.state {
                case .opening: ProgressView()
                case .loggedOut(let cause): LoginView(accounts: accounts, cause: cause)
                case .loggedIn(let name): NotesView(accounts: accounts, name: name)
                case .unavailable(let why): Text(why)
                }
            }
            .task { await accounts.open() }
            .onOpenURL { url in Task { await accounts.opened(url) } }
        }
        .onChange(of: phase) { phase in
            if phase == .background { Self.askForABackgroundRefresh() }
        }
        .backgroundTask(.appRefresh(Self.refresh)) {
            await Self.askForABackgroundRefresh()
            await accounts.workInTheBackground()
        }
    }

    /// iOS decides when; each one is asked for anew.
    @MainActor private static func askForABackgroundRefresh() {
        let request = BGAppRefreshTaskRequest(identifier: refresh)
        request.earliestBeginDate = Date(timeIntervalSinceNow: 4 * 3600)
        do { try BGTaskScheduler.shared.submit(request) } catch { print("no background refresh: \(error)") }
    }
}
