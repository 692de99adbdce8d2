import Base
import Pipelines

/// One line of the note on a commit: what a stage's run measured, for people; and the run's key, for programs.
///
/// `evaluate  test.accuracy=0.9042 test.loss=0.231  (1.2 s, run <64 hex digits>, 2026-11-23T15:04:05Z)`
///
/// Stage, metrics and the bracket are set apart by two spaces; a run without metrics has stage and bracket only. Texts
/// stand in double quotes. In names and texts, bytes that would break the line (blanks, control characters, `%`, `=`,
/// `"`, brackets) are written as `%XX`.
public struct NoteLine: Hashable, Sendable {
    public var stage: String
    /// Flattened metrics; a key that two metric files share has the file and `:` before it.
    public var metrics: JSONObject
    /// Seconds.
    public var duration: Double
    public var key: ObjectID
    public var time: Timestamp

    /// A line shows at most this many metrics; the record has all.
    public static let maximumMetrics = 100

    public init(stage: String, metrics: JSONObject, duration: Double, key: ObjectID, time: Timestamp) {
        self.stage = stage
        self.metrics = metrics
        self.duration = duration
        self.key = key
        self.time = time
    }

    /// The line for a record.
    public init(_ record: RunRecord) {
        self.init(
            stage: record.stage, metrics: MetricNames.joined(record.metrics), duration: record.duration,
            key: record.key,
            time: record.time)
    }

    /// The line without a line feed.
    public var text: String {
        let shown = metrics.pairs.prefix(NoteLine.maximumMetrics).map {
            "\(NoteLine.escape($0.key))=\(NoteLine.spell($0.value))"
        }
        let middle = shown.isEmpty ? "" : "  " + shown.joined(separator: " ")
        return "\(NoteLine.escape(stage))\(middle)  (\(NoteLine.rounded(duration)) s, run \(key.hex), \(time))"
    }

    /// Reads a line; nil for a line that is none.
    public init?(parsing line: String) {
        let parts = line.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
        // stage, metrics…, "(1.2", "s,", "run", "<key>,", "<time>)"
        guard parts.count >= 6, parts[parts.count - 3] == "run", parts[parts.count - 4] == "s,",
            let duration = Double(parts[parts.count - 5].dropFirst()), parts[parts.count - 5].first == "(",
            let key = ObjectID(hex: parts[parts.count - 2].dropLast()), parts[parts.count - 2].last == ",",
            let time = Timestamp(rfc3339: String(parts[parts.count - 1].dropLast())), parts[parts.count - 1].last == ")"
        else { return nil }
        var metrics = JSONObject()
        for part in parts[1..<(parts.count - 5)] {
            guard let cut = part.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            guard let value = NoteLine.value(String(part[part.utf8.index(after: cut)...])) else { return nil }
            metrics[NoteLine.unescape(String(part[..<cut]))] = value
        }
        self.init(
            stage: NoteLine.unescape(parts[0]), metrics: metrics, duration: duration, key: key, time: time)
    }

    private static func spell(_ value: JSON) -> String {
        if case .string(let text) = value { return "\"\(escape(text))\"" }
        // Six decimals are enough to read; the record has them all.
        if case .number(let number) = value, abs(number) < 1e9, abs(number) >= 1e-3 || number == 0 {
            return JSON.number((number * 1e6).rounded() / 1e6).compact()
        }
        return value.compact()
    }

    private static func value(_ text: String) -> JSON? {
        if text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") {
            return .string(unescape(String(text.dropFirst().dropLast())))
        }
        return try? JSON(parsing: text)
    }

    /// One decimal below 100 seconds, none above.
    private static func rounded(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "0.0" }
        if seconds >= 99.95 { return String(Int64(min(seconds, 1e15).rounded())) }
        let tenths = Int64((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func escape(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0...0x20, 0x7F, UInt8(ascii: "%"), UInt8(ascii: "="), UInt8(ascii: "\""), UInt8(ascii: "("),
                UInt8(ascii: ")"):
                out.append(UInt8(ascii: "%"))
                out += Hex.encode([byte]).utf8
            case UInt8(ascii: "#") where out.isEmpty: out += "%23".utf8
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func unescape(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "%"), position + 2 < bytes.count,
                let decoded = Hex.decode(bytes[(position + 1)...(position + 2)])
            {
                out += decoded
                position += 3
            } else {
                out.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Names of metrics when the files they come from are joined.
public enum MetricNames {
    /// `{file: {key: value}}` as `{key: value}`; keys that several files have become `file:key`. The empty file name
    /// stands for values that were recorded without a file.
    public static func joined(_ files: JSONObject) -> JSONObject {
        var counts: [String: Int] = [:]
        for (_, metrics) in files.pairs { for key in metrics.objectValue?.keys ?? [] { counts[key, default: 0] += 1 } }
        var result = JSONObject()
        for (file, metrics) in files.pairs {
            for (key, value) in metrics.objectValue?.pairs ?? [] {
                // A file that is one bare number has the empty key.
                let isPlain = !key.isEmpty && (counts[key] == 1 || file.isEmpty)
                result[isPlain ? key : key.isEmpty ? file : "\(file):\(key)"] = value
            }
        }
        return result
    }
}
