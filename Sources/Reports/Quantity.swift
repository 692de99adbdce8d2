import Glibc

/// Numbers as people read them: sizes, counts, durations, rounded values.
public enum Quantity {
    /// A size in bytes with binary units, one decimal above bytes: "512 B", "1.5 MiB".
    public static func bytes(_ count: Int64) -> String {
        let magnitude = Double(count.magnitude)
        if magnitude < 1024 { return "\(count) B" }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var scaled = magnitude / 1024
        var unit = 0
        // 1023.95 would print as "1024.0": it belongs to the next unit.
        while scaled >= 1023.95, unit < units.count - 1 {
            scaled /= 1024
            unit += 1
        }
        return (count < 0 ? "-" : "") + fixed(scaled, decimals: 1) + " " + units[unit]
    }

    /// A count with its noun, an English plural and thousands separators: "1 file", "33,530 files".
    public static func count(_ n: Int, _ noun: String) -> String {
        grouped(n) + " " + (n == 1 ? noun : plural(noun))
    }

    /// A time span: "12 ms", "1.2 s", "3 min 04 s", "2 h 05 min", "3 d 04 h". Negative or unknown spans count as "-".
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e15 else { return "-" }
        if seconds == 0 { return "0 s" }
        if seconds < 0.9995 { return seconds < 0.0005 ? "<1 ms" : fixed(seconds * 1000, decimals: 0) + " ms" }
        if seconds < 59.95 { return fixed(seconds, decimals: 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        let minutes = whole / 60
        if minutes < 24 * 60 { return "\(minutes / 60) h \(twoDigits(minutes % 60)) min" }
        return "\(minutes / 1440) d \(twoDigits(minutes / 60 % 24)) h"
    }

    /// A fraction of 1 as a percentage: 0.8241 is "82.4%".
    public static func percentage(_ fraction: Double, decimals: Int = 1) -> String {
        fraction.isFinite ? fixed(fraction * 100, decimals: decimals) + "%" : "-"
    }

    /// A value rounded to at most `precision` decimals, in its shortest spelling: 0.712345678 at 5 is "0.71235",
    /// 1e-9 at 5 is "0.0". Rounding is that of the exact binary value, as in Python's `round`.
    public static func number(_ value: Double, precision: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        // From 2^53 on there are no decimals to round.
        guard abs(value) < 0x1p53 else { return value.description }
        let rounded = Double(fixed(value, decimals: precision)) ?? value
        return rounded == 0 ? "0.0" : rounded.description
    }

    /// A value with exactly `decimals` decimals: "1.29".
    public static func fixed(_ value: Double, decimals: Int) -> String {
        let places = Int32(max(0, min(decimals, 300)))
        return withVaList([places, value]) { arguments in
            // The longest double has 309 digits before the point.
            var buffer = [CChar](repeating: 0, count: 640 + Int(places))
            let length = vsnprintf(&buffer, buffer.count, "%.*f", arguments)
            let text = String(decoding: buffer.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return text.contains { $0.isNumber && $0 != "0" } || !text.hasPrefix("-") ? text : String(text.dropFirst())
        }
    }

    /// An integer with commas between groups of three digits.
    public static func grouped(_ n: Int) -> String {
        let digits = Array(String(n.magnitude))
        var out = n < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out += "," }
            out.append(digit)
        }
        return out
    }

    private static func twoDigits(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }

    private static func plural(_ noun: String) -> String {
        let vowels: Set<Character> = ["a", "e", "i", "o", "u"]
        if noun.hasSuffix("y"), let before = noun.dropLast().last, !vowels.contains(before) {
            return noun.dropLast() + "ies"
        }
        if ["s", "x", "z", "ch", "sh"].contains(where: { noun.hasSuffix($0) }) { return noun + "es" }
        return noun + "s"
    }
}
