import Foundation

extension Bundle {
    /// What lies beside this package's code: its privacy manifest.
    static var keyfob: Bundle { .module }
}
