import Base

/// A content as text that git can compare line by line: short, and the same for the same content everywhere.
public struct ContentText {
    /// Texts and tables up to this length are shown as they are.
    public static let wholeLimit = 1 << 20
    /// So many rows of a longer one.
    static let headRows = 20

    private let source: ContentSource
    private let oid: ObjectID?
    private let sink: ([UInt8]) throws -> Void

    /// Writes the text of a content. Broken files are shown as text or as bytes, never an error.
    ///
    /// - Parameters:
    ///   - path: whose ending names the kind.
    ///   - oid: the SHA-256 of the content, when it is known already.
    ///   - sink: takes the text piece by piece.
    /// - Throws: errors of the source and of the sink.
    public static func write(
        _ source: ContentSource, path: String, oid: ObjectID? = nil, to sink: @escaping ([UInt8]) throws -> Void
    ) throws {
        let head = try source.read(at: 0, length: ContentKind.headLength)
        let text = ContentText(source: source, oid: oid, sink: sink)
        var kind = ContentKind.detect(path: path, head: head, size: source.size)
        while true {
            do { return try text.write(kind) } catch is NotReadable {
                kind = kind.isTable || kind == .json ? .text : .binary
            }
        }
    }

    /// Everything that can turn out not to be readable happens before the first byte is written.
    private func write(_ kind: ContentKind) throws {
        switch kind {
        case .tsv, .csv, .jsonLines:
            let profile = try TableProfile(source, kind)
            var lines = ["\(kind.rawValue): \(profile.rows) rows, \(profile.columns.count) columns"]
            if profile.isPartial { lines.append("statistics of the first \(TableProfile.byteLimit >> 20) MiB:") }
            lines += profile.columns.map { "column " + $0.text }
            try writeLines(source.size > Int64(ContentText.wholeLimit) ? lines + [try sum()] : lines)
            try writeLines([""])
            try writeContent()
        case .json:
            guard let bytes = try source.readAll(limit: ContentText.wholeLimit),
                let document = try? JSON(parsing: bytes)
            else { throw NotReadable("it is no JSON, or too long to be laid out") }
            try sink(Array(document.pretty().utf8))
        case .text:
            if source.size > Int64(ContentText.wholeLimit) {
                var count = 0
                try source.forEachLine { _ in count += 1 }
                try writeLines(["text: \(count) lines", try sum(), ""])
            }
            try writeContent()
        case .safetensors:
            try writeLines(["safetensors"] + TensorProfile.lines(TensorFile(source)))
        case .npy:
            let header = try NPYHeader(source)
            try writeLines(["npy: \(header.description)", try sum()])
        case .zip:
            let members = try ZipDirectory(source).members
            try writeLines(
                ["zip: \(members.count) members"] + members.map { "\($0.name): size \($0.size), crc32 \($0.crc32)" })
        case .binary: try writeLines(["binary", try sum()])
        }
    }

    private func writeLines(_ lines: [String]) throws {
        // A name with a line feed in it must not look like two lines.
        let safe = lines.map { $0.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n") }
        try sink(Array((safe.joined(separator: "\n") + "\n").utf8))
    }

    private func sum() throws -> String {
        if let oid { return "size \(source.size), sha256 \(oid)" }
        var hasher = SHA256Hasher()
        try source.forEachPiece { hasher.update($0) }
        return "size \(source.size), sha256 \(hasher.finish())"
    }

    /// All of a short content, the first lines of a long one.
    private func writeContent() throws {
        if let bytes = try source.readAll(limit: ContentText.wholeLimit) { return try sink(bytes) }
        struct Enough: Error {}
        var shown = 0
        do {
            try source.forEachLine { line in
                try sink(Array(line.prefix(2000)) + [10])
                shown += 1
                if shown == ContentText.headRows { throw Enough() }
            }
        } catch is Enough { try sink(Array("…\n".utf8)) }
    }
}
