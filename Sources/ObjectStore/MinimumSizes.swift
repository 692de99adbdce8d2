import Base

/// Which files are too small to be stored: what the attribute `mldata-min-size` in `.gitattributes` says.
///
/// The filter cannot ask git for attributes without starting it for every file, so the few rules that matter here are
/// applied directly (git: gitattributes): files from the top down to the file's folder, then `info/attributes`; the last
/// line that matches counts.
public final class MinimumSizes {
    /// The attribute's name.
    public static let attribute = "mldata-min-size"
    /// The largest size that can be asked for, in bytes: so much of a file is held in memory until it is known to be larger.
    public static let limit = 64 << 20

    private typealias Rule = (pattern: AttributePattern, size: Int)
    private let workTree: String
    private let info: String
    private var known: [String: [Rule]] = [:]

    public init(workTree: String, commonDirectory: String) {
        self.workTree = workTree
        info = commonDirectory + "/info/attributes"
    }

    /// Files of this path that are shorter stay in Git; 0 without a limit.
    ///
    /// - Parameter path: relative to the top of the work tree.
    /// - Throws: `MLError(.invalidInput)` for a size that is none.
    public func minimum(_ path: String) throws -> Int {
        var size = 0
        var folder = ""
        var rest = path[...]
        while true {
            for rule in try rules(workTree + "/" + folder + ".gitattributes") where rule.pattern.matches(rest.utf8) {
                size = rule.size
            }
            guard let slash = rest.firstIndex(of: "/") else { break }
            folder += rest[...slash]
            rest = rest[rest.index(after: slash)...]
        }
        for rule in try rules(info) where rule.pattern.matches(path.utf8) { size = rule.size }
        return size
    }

    /// The size in a line of `.gitattributes`, as it is written; nil without one.
    public static func value(inLine line: String) -> String? {
        let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
        return words.dropFirst().last { $0.hasPrefix(attribute + "=") }.map {
            String($0.dropFirst(attribute.count + 1))
        }
    }

    private func rules(_ file: String) throws -> [Rule] {
        if let rules = known[file] { return rules }
        var rules: [Rule] = []
        for line in (try? Files.readText(file))?.split(separator: "\n") ?? [] {
            guard !line.hasPrefix("#"), let text = MinimumSizes.value(inLine: String(line)),
                let word = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).first,
                let pattern = try? AttributePattern(String(word))
            else { continue }
            guard let size = MinimumSizes.bytes(text), size <= MinimumSizes.limit else {
                throw MLError(
                    .invalidInput, "'\(file)' asks for \(MinimumSizes.attribute)=\(text), which is no size up to 64m")
            }
            rules.append((pattern, size))
        }
        known[file] = rules
        return rules
    }

    private static func bytes(_ text: String) -> Int? {
        let units: [Character: Int] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        let unit = text.lowercased().last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? text[...] : text.dropLast()), number >= 0 else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? nil : value
    }
}
