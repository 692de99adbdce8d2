import Base
import Testing
import TextModels

/// Vocabularies of pieces in the files of other tools; expected pieces are those of Hugging Face's `tokenizers` 0.23.
@Suite struct PieceTests {
    private static let merges = [
        "t h", "th e", "Ġ the", "i n", "in g", "' t", "Ġ a", "Ã ©", "Ġ Ġ", "l l", "' ll", "o o", "g oo", "goo d",
        "Ġ good",
    ]
    private static let pieces =
        BytePair.letters.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        + merges.map { $0.split(separator: " ").joined() }

    private static let vocabulary = JSON.object(
        JSONObject(pieces.enumerated().map { ($1, JSON($0)) }))

    /// The files by name, as a folder would have them.
    private static func read(_ files: [String: String]) -> (String) throws -> [UInt8] {
        { path in
            guard let text = files[Files.lastComponent(of: path)] else { throw MLError(.notFound, path) }
            return Array(text.utf8)
        }
    }

    @Test func `byte pairs are those of the reference`() throws {
        let file = try PieceFile(
            path: "bpe",
            reading: PieceTests.read([
                "vocab.json": PieceTests.vocabulary.compact(),
                "merges.txt": "#version: 0.2\n" + PieceTests.merges.joined(separator: "\n") + "\n",
            ]))
        #expect(file.pieces == PieceTests.pieces)
        let expected: [(String, [Int])] = [
            (
                "the thing isn't the  good one",
                [257, 220, 256, 260, 220, 72, 82, 77, 261, 258, 220, 270, 220, 78, 77, 68]
            ), ("café 12ab!? the", [66, 64, 69, 263, 220, 16, 17, 64, 65, 0, 30, 258]),
            ("\n\nthe\t good   ", [198, 198, 257, 197, 270, 264, 220]),
            ("we'll 'll A'LL", [86, 68, 266, 220, 6, 265, 220, 32, 6, 43, 43]), ("", []),
        ]
        for (text, numbers) in expected {
            let tokens = file.reader.tokens(of: text)
            #expect(tokens.map { PieceTests.pieces.firstIndex(of: $0.text) } == numbers, "\(text)")
            #expect(tokens.last.map { $0.range.upperBound } ?? 0 == text.utf8.count)
        }
    }

    @Test func `tokenizer files say whether a space comes first`() throws {
        func document(_ kind: String) -> JSON {
            [
                "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": true],
                "model": ["type": .string(kind), "vocab": PieceTests.vocabulary, "merges": JSON(PieceTests.merges)],
            ]
        }
        let read = PieceTests.read(["tokenizer.json": document("BPE").compact()])
        let reader = try PieceFile(path: "folder/tokenizer.json", reading: read).reader
        #expect(
            reader.tokens(of: "the thing isn't").map(\.text) == ["Ġthe", "Ġ", "th", "ing", "Ġ", "i", "s", "n", "'t"])
        #expect(reader.tokens(of: "\n\nthe").map(\.text) == ["Ġ", "Ċ", "Ċ", "the"])
        #expect(reader.tokens(of: "the")[0].range == 0..<3)
        do {
            _ = try PieceFile(
                path: "f", reading: PieceTests.read(["tokenizer.json": document("Unigram").compact()]))
            Issue.record("another kind was read")
        } catch let error as MLError {
            #expect(error.message == "'f' holds a vocabulary of the kind 'Unigram', expected 'BPE' or 'WordPiece'")
        }
    }

    @Test func `vocabularies that do not fit are named`() throws {
        func fails(_ files: [String: String], _ part: String) {
            do {
                _ = try PieceFile(path: "f", reading: PieceTests.read(files))
                Issue.record("\(files) was read")
            } catch let error as MLError { #expect(error.message.contains(part), "\(error.message)") } catch {
                Issue.record("\(error)")
            }
        }
        fails([:], "holds no vocabulary")
        fails(["vocab.json": #"{"a": 0}"#], "needs 'merges.txt'")
        fails(["vocab.json": #"{"a": 0, "b": 2}"#, "merges.txt": ""], "the piece 'b' has the number 2")
        fails(
            ["vocab.json": #"{"a": 0, "b": 1}"#, "merges.txt": "a b\n"],
            "merge 1 makes 'ab', which the vocabulary lacks")
        fails(["vocab.txt": "a\nb\na\n"], "has a piece twice")
    }

    @Test func `a model over pieces is saved with them`() throws {
        let folder = "/tmp/git-ml-pieces-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? Files.remove(folder) }
        try Files.makeDirectories(folder)
        try Files.writeAtomically(PieceTests.vocabulary.compact(), to: folder + "/vocab.json")
        try Files.writeAtomically(PieceTests.merges.joined(separator: "\n"), to: folder + "/merges.txt")
        let spec = try ModelSpec(["embed": ["layer": "pieces", "path": .string(folder), "width": 4]])
        var training = try TrainingSpec()
        training.epochs = 1
        let model = try TextModel.train(spec, training, train: LayerTests.corpus, dev: LayerTests.corpus)
        try model.save(to: folder + "/m")
        let read = try TextModel { try Files.read(folder + "/m/" + $0) }
        #expect(try read.predict(LayerTests.corpus.texts) == model.predict(LayerTests.corpus.texts))
        #expect(try read.tokens(of: "the good").map(\.text) == ["the", "Ġgood"])
    }
}
