// Preprocessing against hand arithmetic, and the mistakes it refuses.

import Inputs
import Testing

@Suite struct PreprocessingTests {
  private func read(_ json: String) throws -> Preprocessing {
    try Preprocessing(json: Array(json.utf8), name: "p.json")
  }

  @Test func everyPresetIsValidAndReadsBack() throws {
    for name in Preprocessing.presetNames {
      let preset = try #require(Preprocessing.named(name))
      #expect(try read(preset.canonicalText) == preset, "\(name)")
      #expect(try Preprocessing.resolve(name) == preset)
    }
    #expect(Preprocessing.named("nosuch") == nil)
    let text = errorText { _ = try Preprocessing.resolve("nosuch") }
    #expect(text?.contains("efficientnet-lite") == true)
  }

  @Test func canonicalTextSpellsEverythingOut() throws {
    let value = try read(#"{"std": [0.229], "mean": [0], "scale": 1}"#)
    #expect(
      value.canonicalText
        == #"{"interpolation":"bilinear","layout":"auto","mean":[0.0],"scale":1.0,"std":[0.229],"transpose":false}"#)
    #expect(try read(#"{"mean": [0.0], "scale": 1.0, "std": [2.29e-1], "layout": "auto"}"#) == value)
  }

  @Test func tablesAreTheFormulaRoundedOnce() throws {
    // efficientnet-lite: (a - 127) / 128, exact in binary for all integers.
    let lite = try #require(Preprocessing.named("efficientnet-lite")).lookupTable(
      lowest: -300, highest: 500, channels: 3)
    #expect(lite.count == 3 && lite[0].count == 801)
    for y in -300...500 { #expect(lite[2][y + 300] == Float(y - 127) / 128) }
    // none: the pixel itself.
    let none = try #require(Preprocessing.named("none")).lookupTable(lowest: 0, highest: 255, channels: 1)
    #expect(none[0] == (0...255).map(Float.init))
    // imagenet, red 255: (1 - 0.485) / 0.229 = 2.2489082969...; green 0: -0.456 / 0.224 = -2.0357142857...
    let imagenet = try #require(Preprocessing.named("imagenet")).lookupTable(lowest: 0, highest: 255, channels: 3)
    #expect(imagenet[0][255] == 2.2489082969432315)
    #expect(imagenet[1][0] == -2.0357142857142856)
    // tf: 255 / 127.5 - 1 = 1, 0 gives -1.
    let tf = try #require(Preprocessing.named("tf")).lookupTable(lowest: 0, highest: 255, channels: 3)
    #expect(tf[0][0] == -1 && tf[1][255] == 1)
    // caffe: model channel 0 is blue with mean 103.939.
    let caffe = try #require(Preprocessing.named("caffe"))
    #expect(caffe.channelOrder(channels: 3) == [2, 1, 0])
    #expect(caffe.lookupTable(lowest: 0, highest: 255, channels: 3)[0][0] == -103.939)
    // unit: y / 255, also outside 0...255.
    let unit = try #require(Preprocessing.named("unit")).lookupTable(lowest: -255, highest: 510, channels: 1)
    #expect(unit[0][0] == -1 && unit[0][765] == 2 && unit[0][256] == Float(1.0 / 255))
    // cifar10-c, blue 128: (128 / 255 - 0.4465) / 0.2616
    let cifar = try #require(Preprocessing.named("cifar10-c")).lookupTable(lowest: 0, highest: 255, channels: 3)
    #expect(cifar[2][128] == Float((128.0 / 255 - 0.4465) / 0.2616))
  }

  @Test func valuesThatDoNotFitTheScaleAreRefusedWithAHint() throws {
    let refused: [(json: String, hint: String)] = [
      (#"{"mean": [123.68, 116.779, 103.939], "std": [1, 1, 1], "scale": 1}"#, "\"scale\": 255"),
      (#"{"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}"#, "\"scale\": 1"),
      (#"{"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": 255}"#, "\"scale\": 1"),
      (#"{"mean": [0], "std": [0.229], "scale": 255}"#, "\"scale\": 1"),
      (#"{"mean": [0.5], "std": [1], "scale": 255}"#, "\"scale\": 1"),
      (#"{"mean": [0], "std": [57.375], "scale": 1}"#, "\"scale\": 255"),
      (#"{"mean": [-1], "std": [1]}"#, "outside"),
      (#"{"mean": [300], "std": [1]}"#, "outside"),
      (#"{"mean": [0], "std": [0]}"#, "positive"),
      (#"{"mean": [0], "std": [-1]}"#, "positive"),
      (#"{"mean": [0], "std": [1], "scale": 0}"#, "positive"),
      (#"{"mean": [0, 0], "std": [1]}"#, "2 values"),
      (#"{"mean": [0, 0, 0], "std": [1], "channels": "L"}"#, "\"L\""),
      (#"{"mean": [0], "std": [1], "crop": 224, "resize": 200}"#, "crop"),
      (#"{"mean": [0], "std": [1], "crop": 0}"#, "\"crop\""),
      (#"{"mean": [0]}"#, "\"std\" is missing"),
      (#"{"std": [1]}"#, "\"mean\" is missing"),
      (#"{"mean": [0], "std": [1], "mena": 1, "Scale": 2}"#, "\"Scale\", \"mena\""),
      (#"{"mean": [0], "std": [1], "channels": "rgb"}"#, "\"RGB\", \"BGR\", \"L\""),
      (#"{"mean": [0], "std": [1], "interpolation": "nearest"}"#, "bicubic"),
      (#"{"mean": "0", "std": [1]}"#, "wrong type"),
      (#"{"mean": [0], "std": [1], "transpose": 1}"#, "transpose"),
      (#"{"mean": [0], "std": [1]"#, "JSON"),
      ("", "JSON"),
      ("[1, 2]", "wrong type"),
    ]
    for (json, hint) in refused {
      let text = errorText { _ = try read(json) }
      #expect(text?.contains(hint) == true, "\(json): \(text ?? "accepted")")
      #expect(text?.contains("p.json") == true)
    }
    for accepted in [
      #"{"mean": [127.5], "std": [127.5]}"#, #"{"mean": [0], "std": [255]}"#, #"{"mean": [0], "std": [256]}"#,
      #"{"mean": [0.1307], "std": [0.3081], "scale": 1, "channels": "L"}"#,
      #"{"mean": [0.5], "std": [0.5], "scale": 1}"#,
      #"{"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": 1, "resize": 256, "crop": 224,"#
        + #" "interpolation": "bicubic", "channels": "BGR", "layout": "NHWC", "transpose": true}"#,
    ] {
      #expect(errorText { _ = try read(accepted) } == nil, "\(accepted)")
    }
  }

  @Test func sizesRoundToNearestAndCropsAreCentredDownwards() throws {
    // 378 x 500: 256 * 500 / 378 = 338.62, so 339; left (339 - 224) / 2 = 57.5, so 57.
    let image = patternImage(width: 500, height: 378, channels: 1)
    let resized = try read(#"{"mean": [0], "std": [1], "resize": 256}"#).apply(to: image)
    #expect(resized.shape == [256, 339, 1])
    let cropped = try read(#"{"mean": [0], "std": [1], "resize": 256, "crop": 224}"#).apply(to: image)
    #expect(cropped.shape == [224, 224, 1])
    #expect(cropped[0, 0, 0] == resized[16, 57, 0] && cropped[223, 223, 0] == resized[239, 280, 0])
    // Ties go to even: 2 x 3 at 3 gives 4.5, so 4; 2 x 5 at 1 gives 2.5, so 2; 2 x 7 at 1 gives 3.5, so 4.
    for (width, side, longer) in [(3, 3, 4), (5, 1, 2), (7, 1, 4)] {
      let small = patternImage(width: width, height: 2, channels: 1)
      let shape = try Preprocessing(resize: side, mean: [0], std: [1]).apply(to: small).shape
      #expect(shape == [side, longer, 1])
    }
    let plain = try #require(Preprocessing.named("cifar10-a"))
    let same = patternImage(width: 33, height: 31, channels: 3)
    #expect(try plain.apply(to: same) == same)
    let text = errorText { _ = try Preprocessing(crop: 40, mean: [0], std: [1]).apply(to: same) }
    #expect(text?.contains("33 x 31") == true)
    #expect(try #require(Preprocessing.named("imagenet")).withoutGeometry.apply(to: same) == same)
  }

  @Test func channelsFollowThePreprocessingThenTheModel() throws {
    let colour = patternImage(width: 4, height: 3, channels: 3)
    let grey = patternImage(width: 4, height: 3, channels: 1)
    let open = try #require(Preprocessing.named("unit"))
    #expect(try open.apply(to: grey, modelChannels: 3) == grey.convertedToRGB())
    #expect(try open.apply(to: grey) == grey)
    #expect(try open.apply(to: colour, modelChannels: 3) == colour)
    #expect(errorText { _ = try open.apply(to: colour, modelChannels: 1) }?.contains("\"L\"") == true)
    let luma = try Preprocessing(channels: .grey, mean: [0], std: [1])
    #expect(try luma.apply(to: colour) == colour.convertedToGrey())
    let bgr = try Preprocessing(channels: .bgr, mean: [0], std: [1])
    #expect(try bgr.apply(to: colour) == colour)  // storage stays red, green, blue
    #expect(try bgr.apply(to: grey).channels == 3)
  }
}

@Suite struct PixelPlacementTests {
  private func place(
    _ model: [Int], _ image: [Int], layout: Preprocessing.Layout = .auto, transposed: Bool = false
  ) throws -> PixelPlacement {
    try PixelPlacement(
      modelShape: model, imageShape: image, layout: layout, transposed: transposed,
      channelOrder: Array(0..<image[2]))
  }

  @Test func stridesFollowTheModelsShape() throws {
    func strides(_ value: PixelPlacement) -> [Int] { [value.rowStride, value.columnStride, value.channelStride] }
    let planes = try place([3, 5, 7], [5, 7, 3])
    #expect(strides(planes) == [7, 1, 35])
    #expect(strides(try place([5, 7, 3], [5, 7, 3])) == [21, 3, 1])
    for shape in [
      [784], [784, 1], [1, 784], [1, 28, 28], [28, 28, 1], [28, 28], [1, 1, 28, 28], [-1], [1, -1, -1],
    ] {
      let flat = try place(shape, [28, 28, 1])
      #expect(flat.rowStride == 28 && flat.columnStride == 1, "\(shape)")
      #expect(flat.modelShape.reduce(1, *) == 784)
    }
    #expect(try place([1, -1, -1], [28, 28, 1]).modelShape == [1, 28, 28])
    #expect(try place([3, 0, 0], [5, 7, 3]) == planes)
    #expect(strides(try place([105], [5, 7, 3], layout: .nchw)) == [7, 1, 35])
    #expect(strides(try place([105], [5, 7, 3], layout: .nhwc)) == [21, 3, 1])
  }

  /// cora_mnist_set.onnx: the model's index of image pixel (row, column) is column * 28 + row.
  @Test func transposeMakesColumnMajor() throws {
    let flat = try place([784], [28, 28, 1], transposed: true)
    #expect(flat.modelIndex(row: 3, column: 5, modelChannel: 0) == 5 * 28 + 3)
    // An image of 5 rows and 7 columns fills a model of 7 rows and 5 columns.
    let planes = try place([3, 7, 5], [5, 7, 3], transposed: true)
    #expect(planes.modelIndex(row: 1, column: 6, modelChannel: 2) == 2 * 35 + 6 * 5 + 1)
    let interleaved = try place([7, 5, 3], [5, 7, 3], transposed: true)
    #expect(interleaved.modelIndex(row: 1, column: 6, modelChannel: 2) == (6 * 5 + 1) * 3 + 2)
  }

  @Test func everyPlacementIsABijection() throws {
    for (model, image) in [
      ([3, 4, 5], [4, 5, 3]), ([4, 5, 3], [4, 5, 3]), ([20], [4, 5, 1]), ([4, 1], [1, 4, 1]),
    ] {
      for transposed in [false, true] {
        let shape = transposed ? [image[1], image[0], image[2]] : image
        let placement = try place(model, shape, transposed: transposed)
        var seen = Set<Int>()
        for row in 0..<shape[0] {
          for column in 0..<shape[1] {
            for channel in 0..<shape[2] {
              seen.insert(placement.modelIndex(row: row, column: column, modelChannel: channel))
            }
          }
        }
        #expect(seen == Set(0..<model.reduce(1, *)), "\(model) \(shape)")
      }
    }
  }

  @Test func impossibleAndAmbiguousShapesNameBothShapes() throws {
    let cases: [(model: [Int], image: [Int], hint: String)] = [
      ([3, 224, 224], [375, 500, 3], "\"resize\""), ([3072], [32, 32, 3], "\"layout\""),
      ([3, 3, 3], [3, 3, 3], "\"layout\""),
      ([1, 28, 28], [28, 28, 3], "\"L\""), ([3, 32, 32], [32, 32, 1], "\"RGB\""),
      ([2, 784], [28, 28, 1], "\"resize\""),
      ([], [28, 28, 1], "\"resize\""), ([3, 7, 5], [5, 7, 3], "\"resize\""),
    ]
    for (model, image, hint) in cases {
      let text = errorText { _ = try place(model, image) }
      #expect(text?.contains(hint) == true, "\(model) \(image): \(text ?? "accepted")")
      #expect(text?.contains("\(model)") == true && text?.contains("\(image)") == true)
    }
    #expect(errorText { _ = try place([5, 7, 3], [5, 7, 3], layout: .nchw) }?.contains("auto") == true)
  }

  @Test func modelInputPutsEveryValueInItsPlace() throws {
    // 1 x 2 pixels, (10, 20, 30) and (40, 50, 60); caffe eats blue, green, red planes minus their means.
    let image = Image8(width: 2, height: 1, channels: 3, pixels: [10, 20, 30, 40, 50, 60])
    let caffe = try #require(Preprocessing.named("caffe")).withoutGeometry
    let placement = try caffe.placement(modelShape: [3, 1, 2], image: image)
    let input = placement.modelInput(of: image, tables: caffe.lookupTable(lowest: 0, highest: 255, channels: 3))
    let expected: [Double] = [30 - 103.939, 60 - 103.939, 20 - 116.779, 50 - 116.779, 10 - 123.68, 40 - 123.68]
    #expect(input == expected.map { Float($0) })
  }
}
