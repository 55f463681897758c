/// A type that says itself how it may be printed. `print` and string interpolation ask for the descriptions; `dump` and the
/// debugger ask for the mirror, and would show every stored property otherwise.
protocol Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Redacted {
    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: []) }
}
