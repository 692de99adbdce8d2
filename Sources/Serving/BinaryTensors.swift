/// Tensors after the JSON of a request or an answer, as the binary data extension of the protocol has them
/// (triton-inference-server/server, `extension_binary_data.md`): numbers in little endian, each text after its length in four bytes.
enum BinaryTensors {
    /// The header that says how long the JSON is.
    static let header = "inference-header-content-length"

    /// - Returns: nil when the bytes are no texts.
    static func texts(_ bytes: ArraySlice<UInt8>) -> [String]? {
        var texts: [String] = []
        var place = bytes.startIndex
        while place < bytes.endIndex {
            guard place + 4 <= bytes.endIndex else { return nil }
            let length = (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            place += 4
            guard place + length <= bytes.endIndex,
                let text = String(validating: bytes[place..<place + length], as: UTF8.self)
            else { return nil }
            texts.append(text)
            place += length
        }
        return texts
    }

    static func bytes(_ texts: [String]) -> [UInt8] {
        var out = FrameWriter()
        for text in texts { out.text(text) }
        return out.bytes
    }

    static func bytes(_ rows: [[Double]]) -> [UInt8] {
        var out = FrameWriter()
        for row in rows { out.values(row) }
        return out.bytes
    }
}
