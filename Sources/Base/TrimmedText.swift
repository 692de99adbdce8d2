extension StringProtocol {
    /// Without white space at both ends.
    public var trimmed: String {
        String(String(drop { $0.isWhitespace }.reversed()).drop { $0.isWhitespace }.reversed())
    }
}
