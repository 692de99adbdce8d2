import ArgumentParser
import Base

/// A size on the command line: `1048576`, `500k`, `1MiB`, `1.5 GB`.
///
/// A letter alone and units with `i` are powers of 1024, as in git's configuration; `kB`, `MB` … are powers of 1000.
struct ByteSize: ExpressibleByArgument {
    var bytes: Int64

    init?(argument: String) {
        let text = argument.lowercased().filter { $0 != " " }
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number >= 0 else { return nil }
        var unit = text.dropFirst(digits.count)
        var scale = 1.0
        if let power = ["k", "m", "g", "t"].firstIndex(where: { unit.hasPrefix($0) }) {
            unit.removeFirst()
            let base = unit == "b" ? 1000.0 : 1024.0
            for _ in 0...power { scale *= base }
        }
        guard ["", "b", "ib"].contains(String(unit)), scale > 1 || unit != "ib",
            let value = Int64(exactly: (number * scale).rounded(.down))
        else { return nil }
        bytes = value
    }
}
