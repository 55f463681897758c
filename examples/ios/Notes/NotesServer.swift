import Foundation
import Keyfob

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The app's own server, whose requests carry an access token.
struct NotesServer: Sendable {
    let keyfob: Keyfob
    let session: String

    func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        // Before each request: from memory while it is good, refreshed when it is due. Do not keep it.
        let token = try await keyfob.accessToken(session)
        let answer = try await send(request, with: token)
        guard answer.1.statusCode == 401 else { return answer }
        // The server refuses it all the same. Of all who ask now, one sends a request.
        return try await send(request, with: keyfob.refreshIfCurrent(session, rejectedToken: token.secret))
    }

    private func send(_ request: URLRequest, with token: AccessToken) async throws -> (Data, HTTPURLResponse) {
        var request = request
        request.setValue("Bearer \(token.secret)", forHTTPHeaderField: "Authorization")
        let (data, answer) = try await URLSession.shared.data(for: request)
        guard let answer = answer as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        return (data, answer)
    }
}
