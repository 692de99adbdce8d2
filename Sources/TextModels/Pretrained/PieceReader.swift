import Base

/// Cuts texts into the pieces of a vocabulary that was made elsewhere.
package protocol PieceReader: Sendable {
    /// Pieces with the UTF-8 ranges they came from.
    func tokens(of text: String) -> [TextToken]
    /// What `model.json` keeps of it.
    var json: JSON { get }
    /// The merges of a byte-pair vocabulary, a line each; empty for others.
    var merges: [String] { get }
}

extension WordPiece: PieceReader {
    package var json: JSON { ["kind": "wordpiece", "lowercase": .bool(isLowercase)] }
    package var merges: [String] { [] }
}

/// A vocabulary of pieces as others' tools store it: `tokenizer.json`, or `vocab.json` with `merges.txt`, or `vocab.txt`.
package struct PieceFile {
    package let pieces: [String]
    package let reader: any PieceReader

    /// - Parameter path: one of these files, or a folder with them.
    /// - Throws: `MLError(.invalidInput)` for another kind of vocabulary, with what was found.
    package init(path: String, reading read: (String) throws -> [UInt8]) throws {
        self = try PieceFile.read(path, read)
        guard Set(pieces).count == pieces.count else { throw MLError(.invalidInput, "'\(path)' has a piece twice") }
    }

    private init(pieces: [String], reader: any PieceReader) {
        self.pieces = pieces
        self.reader = reader
    }

    private static func read(_ path: String, _ read: (String) throws -> [UInt8]) throws -> PieceFile {
        let name = Files.lastComponent(of: path)
        let isFile = name.hasSuffix(".json") || name.hasSuffix(".txt")
        let folder = isFile ? Files.parent(of: path) : path
        func bytes(_ file: String) -> [UInt8]? { try? read(folder == "." ? file : folder + "/" + file) }
        if !isFile || name == "tokenizer.json", let bytes = bytes("tokenizer.json") {
            return try tokeniser(bytes, path)
        } else if !isFile || name == "vocab.json" || name == "merges.txt", let vocabulary = bytes("vocab.json") {
            guard let merges = bytes("merges.txt") else {
                throw MLError(.notFound, "'\(path)': a byte-pair vocabulary needs 'merges.txt' beside 'vocab.json'")
            }
            guard let entries = try PieceFile.json(vocabulary, path).objectValue else {
                throw MLError(.invalidInput, "'\(path)': 'vocab.json' is no mapping of pieces to numbers")
            }
            guard let text = String(validating: merges, as: UTF8.self) else {
                throw MLError(.invalidInput, "'\(path)': 'merges.txt' is not UTF-8")
            }
            let lines = text.utf8.split(separator: 10).map { part in
                String(Substring(part.last == 13 ? part.dropLast() : part))
            }.filter { !$0.hasPrefix("#version") }
            return try bytePair(entries, lines, isPrefixed: false, path)
        } else if let bytes = isFile ? try read(path) : bytes("vocab.txt") {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw MLError(.invalidInput, "'\(path)' is not UTF-8")
            }
            let pieces = text.utf8.split(separator: 10).map { part in
                String(Substring(part.last == 13 ? part.dropLast() : part))
            }
            guard !pieces.isEmpty else { throw MLError(.invalidInput, "'\(path)' holds no pieces") }
            return PieceFile(pieces: pieces, reader: WordPiece(pieces: pieces, isLowercase: true))
        } else {
            throw MLError(
                .notFound, "'\(path)' holds no vocabulary",
                hint: "expected tokenizer.json, or vocab.json and merges.txt, or vocab.txt")
        }
    }

    private static func json(_ bytes: [UInt8], _ path: String) throws -> JSON {
        do { return try JSON(parsing: bytes) } catch {
            throw MLError(.invalidInput, "'\(path)' is no JSON: \((error as? MLError)?.message ?? "\(error)")")
        }
    }

    private static func tokeniser(_ bytes: [UInt8], _ path: String) throws -> PieceFile {
        let document = try PieceFile.json(bytes, path)
        let kind = document["model"]?["type"]?.stringValue ?? "WordPiece"
        guard let entries = document["model"]?["vocab"]?.objectValue else {
            throw MLError(
                .invalidInput, "'\(path)' holds a vocabulary of the kind '\(kind)', expected 'BPE' or 'WordPiece'")
        }
        switch kind {
        case "WordPiece":
            let pieces = try ordered(entries, path)
            let isLowercase = document["normalizer"]?["lowercase"]?.boolValue ?? true
            return PieceFile(pieces: pieces, reader: WordPiece(pieces: pieces, isLowercase: isLowercase))
        case "BPE":
            let parts = document["pre_tokenizer"]?["pretokenizers"]?.arrayValue ?? [document["pre_tokenizer"] ?? .null]
            guard let bytes = parts.first(where: { $0["type"]?.stringValue == "ByteLevel" }) else {
                throw MLError(
                    .invalidInput,
                    "'\(path)' cuts words by '\(parts.first?["type"]?.stringValue ?? "nothing")', expected 'ByteLevel'")
            }
            let merges = (document["model"]?["merges"]?.arrayValue ?? []).map { merge in
                // Newer files keep pairs, older ones a text with a space.
                merge.stringValue ?? (merge.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
            }
            return try bytePair(
                entries, merges, isPrefixed: bytes["add_prefix_space"]?.boolValue ?? false, path)
        default:
            throw MLError(
                .invalidInput, "'\(path)' holds a vocabulary of the kind '\(kind)', expected 'BPE' or 'WordPiece'")
        }
    }

    private static func bytePair(
        _ pairs: JSONObject, _ merges: [String], isPrefixed: Bool, _ path: String
    ) throws -> PieceFile {
        let pieces = try ordered(pairs, path)
        return PieceFile(
            pieces: pieces, reader: try BytePair(pieces: pieces, merges: merges, isPrefixed: isPrefixed, name: path))
    }

    /// Pieces by their numbers, which must be 0, 1, … without a gap.
    private static func ordered(_ entries: JSONObject, _ path: String) throws -> [String] {
        var pieces = [String?](repeating: nil, count: entries.pairs.count)
        for (piece, number) in entries.pairs {
            guard let place = number.intValue, pieces.indices.contains(place), pieces[place] == nil else {
                throw MLError(
                    .invalidInput,
                    "'\(path)': the piece '\(piece)' has the number \(number.compact()), expected each of 0 to "
                        + "\(pieces.count - 1) once")
            }
            pieces[place] = piece
        }
        return pieces.compactMap { $0 }
    }
}
