import Base
import Tensors

/// Vectors of words from a file: GloVe's, word2vec's and fastText's text (a word and its numbers a line, word2vec and
/// fastText with a first line of two counts), or a `.npy` matrix with the words beside it in `.txt`.
struct VectorFile {
    private(set) var width = 0
    private(set) var vectors: [String: [Float]] = [:]

    /// - Parameters:
    ///   - wanted: only these words are kept.
    ///   - read: the bytes of a file.
    init(path: String, wanted: Set<String>, reading read: (String) throws -> [UInt8]) throws {
        if path.hasSuffix(".npy") {
            let matrix = try NumpyFile.decode(try read(path), name: path)
            let list = String(path.dropLast(4)) + ".txt"
            let words = try Lines(try read(list), list).map(\.text)
            guard words.count == matrix.rows else {
                throw MLError(
                    .invalidInput, "'\(path)' has \(matrix.rows) rows, '\(list)' has \(words.count) words")
            }
            width = matrix.columns
            for (row, word) in words.enumerated() where wanted.contains(word) {
                vectors[word] = Array(matrix.values[row * width..<(row + 1) * width])
            }
            return
        }
        for line in try Lines(try read(path), path) {
            let fields = line.text.split(separator: " ")
            if line.number == 1, fields.count == 2, fields.allSatisfy({ Int($0) != nil }) { continue }
            if fields.isEmpty { continue }
            if width == 0 { width = fields.count - 1 }
            guard fields.count == width + 1, width > 0 else {
                throw MLError(
                    .invalidInput,
                    "'\(path)' line \(line.number): \(fields.count - 1) numbers where the first has \(width)")
            }
            let word = String(fields[0])
            guard wanted.contains(word), vectors[word] == nil else { continue }
            let numbers = fields.dropFirst().compactMap { Float($0) }
            guard numbers.count == width, numbers.allSatisfy(\.isFinite) else {
                throw MLError(.invalidInput, "'\(path)' line \(line.number): not all of the values are numbers")
            }
            vectors[word] = numbers
        }
        if width == 0 { throw MLError(.invalidInput, "'\(path)' holds no vectors") }
    }
}

/// NumPy's array file, version 1 to 3: 32- or 64-bit floats, row after row.
enum NumpyFile {
    static func decode(_ bytes: [UInt8], name: String) throws -> Matrix {
        func bad(_ what: String) -> MLError { MLError(.corrupt, "'\(name)' is no readable .npy file: \(what)") }
        guard bytes.count >= 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else { throw bad("no magic number") }
        let isLong = bytes[6] >= 2
        let length =
            isLong
            ? (8..<12).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) } : Int(bytes[8]) | Int(bytes[9]) << 8
        let start = (isLong ? 12 : 10) + length
        guard start <= bytes.count else { throw bad("the header is cut short") }
        let header = String(decoding: bytes[(isLong ? 12 : 10)..<start], as: UTF8.self).filter { $0 != " " }
        let isDouble = header.contains("'descr':'<f8'")
        guard isDouble || header.contains("'descr':'<f4'") else { throw bad("the numbers are no 32- or 64-bit floats") }
        guard header.contains("'fortran_order':False") else { throw bad("it is stored column after column") }
        let shape =
            header.split(separator: "(", maxSplits: 1).last?.split(separator: ")").first?
            .split(separator: ",").compactMap { Int($0) } ?? []
        guard shape.count == 2, shape.allSatisfy({ $0 >= 0 && $0 < 1 << 31 }) else { throw bad("it is no matrix") }
        let count = shape[0] * shape[1]
        guard bytes.count - start == count * (isDouble ? 8 : 4) else { throw bad("the size does not fit the shape") }
        let values = bytes[start...].withUnsafeBytes { raw in
            (0..<count).map { index in
                isDouble
                    ? Float(raw.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
                    : raw.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
            }
        }
        return Matrix(rows: shape[0], columns: shape[1], values: values)
    }
}
