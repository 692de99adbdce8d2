/// Dates as HTTP headers have them (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
extension Timestamp {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// Nil for the two obsolete forms and for everything else.
    public init?(httpDate text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT", parts[1].count == 2,
            let month = Timestamp.months.firstIndex(of: String(parts[2]))
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        self.init(rfc3339: "\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }

    /// The date as a header's value.
    public var httpDate: String {
        let text = description
        let month = Int(text.dropFirst(5).prefix(2)) ?? 1
        // 1970 began with a Thursday.
        let day = Int(((seconds / 86_400) % 7 + 7) % 7)
        return "\(Timestamp.days[day]), \(text.dropFirst(8).prefix(2)) \(Timestamp.months[month - 1]) "
            + "\(text.prefix(4)) \(text.dropFirst(11).prefix(8)) GMT"
    }

    /// The basic format of ISO 8601: `20130524T000000Z`.
    public var basicFormat: String { description.filter { $0 != "-" && $0 != ":" } }
}
