// Tiny images made for these tests with Pillow 12 and 13 (JPEG, filtered PNG) and by hand (all other PNG), each with the
// CRC-32 of the pixels that Pillow decodes, in row, column, channel order.

import Testing

/// One encoded picture and what it must decode to.
struct ImageFixture: Sendable, CustomTestStringConvertible {
  let name: String
  /// [height, width, channels].
  let shape: [Int]
  let checksum: UInt32
  let base64: String

  var testDescription: String { name }
}

enum ImageFixtures {
  static let all: [ImageFixture] = jpeg + png

  static let jpeg: [ImageFixture] = [
    ImageFixture(
      name: "colour420", shape: [13, 17, 3], checksum: 2_669_865_449,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEY\
        Gh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e\
        Hh4eHh4eHh4eHh4eHh7/wAARCAANABEDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
        AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
        Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
        x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
        AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
        OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
        xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD1Uvp1pZlf3eVXpjpXlXxF1kssi2x59AcZ\
        rD1zxRqJfYGwvPGfwqppCHVJf9IY53EGuLMcsrZVV9rQeh5+W5zXy6r7CtrE5n+0b7/nrN/33RXpf/CM6d/dNFc3+tGJPrP7\
        Twn/AD7/AAP/2Q==
        """),
    ImageFixture(
      name: "colour422", shape: [13, 17, 3], checksum: 1_260_208_253,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEY\
        Gh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e\
        Hh4eHh4eHh4eHh4eHh7/wAARCAANABEDASEAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
        AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
        Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
        x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
        AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
        OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
        xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD1Uvp1pZlf3eVXpjpXlXxF1kssi2x59AcZ\
        r5+lOeWYuz2N+Gc0VSHsajPMv7Rvv+es3/fdFfX/ANur+v8Ahj6n6jhzsdc8UaiX2BsLzxn8KqaQh1SX/SGOdxBrl4owNO3t\
        FuflEm8HjP3bOl/4RnTv7por4D2k+59f/aNfuf/Z
        """),
    ImageFixture(
      name: "colour444", shape: [13, 17, 3], checksum: 960_717_236,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsI\
        CQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK\
        CgoKCgoKCgoKCgoKCgr/wAARCAANABEDAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
        AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
        Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
        x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
        AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
        OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
        xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD7Va6+HvhLw08INqXigOFKAFe4OD34z+Nf\
        kmf8JY3JMSpxi1rfd62t2X/A+Z+d8Gce4vK6ip1ZNLvd7fJdLX/pnxT+2h8ZZJ4rm38Nygk9I0bbu7DoCR9cc5Fetwlx1Xyq\
        tGlUdtP813X3bfK5/VWRcS5Xn+DUKsldry/L/hrPRHx//wALC8b/APQUv/8AwK/+vX7X/wARHj3X4/8AyJ6f+ruRdl+H+Z71\
        8Vf2nviNLdfZEuiseHO3zSehK8Z6cAV+hcVcP5fjsLKdReX6/PW79T+KuKcgw2DxMnRk1rZ73fvd7+f6GJ8OrV/ilfg+ILhi\
        xnZW7g98449xj0r+SeMeG8LldeUqMnt1+78LHNwnxHmOXVY8ktP69Vv5eR67/wAMy/Dv/ng/+fxr87+s4r+d/gfvX+tmcfz/\
        AIv/ADP/2Q==
        """),
    ImageFixture(
      name: "progressive", shape: [13, 17, 3], checksum: 2_669_865_449,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEY\
        Gh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e\
        Hh4eHh4eHh4eHh4eHh7/wgARCAANABEDASIAAhEBAxEB/8QAGAAAAgMAAAAAAAAAAAAAAAAAAAYDBAX/xAAWAQEBAQAAAAAA\
        AAAAAAAAAAADBAX/2gAMAwEAAhADEAAAAWpVowhPmDMHrf/EABwQAAIBBQEAAAAAAAAAAAAAAAADAgEEBRMjFP/aAAgBAQAB\
        BQLnGGRcbJj7pgrrXzLP/8QAGxEAAgEFAAAAAAAAAAAAAAAAAgQAAxIUMVL/2gAIAQMBAT8BWcNcrD1MmlzP/8QAGREAAwAD\
        AAAAAAAAAAAAAAAAAAIEAxIV/9oACAECAQE/AaJnlbZDqZD/xAAaEAACAgMAAAAAAAAAAAAAAAAAARASIjFB/9oACAEBAAY/\
        AuDqbcZR/8QAGxAAAwACAwAAAAAAAAAAAAAAAAERIUExYfH/2gAIAQEAAT8hsWiKJB6pRLgXkbOo/9oADAMBAAIAAwAAABCb\
        D//EABcRAQADAAAAAAAAAAAAAAAAAAABMfD/2gAIAQMBAT8Qt8bQ/8QAFhEAAwAAAAAAAAAAAAAAAAAAEBEh/9oACAECAQE/\
        EHvgf//EABwQAAICAgMAAAAAAAAAAAAAAAERACEQMVFhgf/aAAgBAQABPxAntmhahyG+AU8VJWlqfkPaNgZ2p//Z
        """),
    ImageFixture(
      name: "grey", shape: [13, 17, 1], checksum: 3_417_236_431,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEY\
        Gh0dHx8fExciJCIeJBweHx7/wAALCAANABEBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgED\
        AwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RF\
        RkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJ\
        ytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AOv8IeLbbRrYQyuq7RyT1x/kVZ8VeM7LV7Joo5Iyzrzz\
        1/z/AFrz7yIP78n/AH0P8a84+IWpXcF4wglaNckEbiScNis/4fateXN0nmSsRv2kZ617X9n/AOmj/wDfR/xr/9k=
        """),
    ImageFixture(
      name: "cmyk", shape: [13, 17, 3], checksum: 561_862_465,
      base64: """
        /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAFAwQEBAMFBAQEBQUFBgcMCAcHBwcPCwsJDBEPEhIRDxERExYcFxMUGhURERghGBod\
        HR8fHxMXIiQiHiQcHh8e/8AAFAgADQARBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//E\
        ALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2\
        Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrC\
        w8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwDr/CHi220a2EMrqu0ck9cf5Fe6\
        6lZ6SdPbYImYJwu0DHcdTWr4l8NReG13pGqbfmHPWvsurPirxnZavZNFHJGWdeeev+f6187fF5p4Xl+xg8HhRx/SvOb/AOJs\
        +nS/Z45SPlAHOD3FFefeRB/fk/76H+NePf2jrH/PWf8A77pv/C0Lz/nvJ/323+FFecfELUruC8YQStGuSCNxJOGxXso8cau5\
        WNiNuCcZ6f5xXsPxOu5L2BzLnBGOtFZ/w+1a8ubpPMlYjftIz1rQsraPXj/pfXcR/WvnPxF4dt3vXbznznuM+v8AhRXtf2f/\
        AKaP/wB9H/Grn/CD6J/zx/Sqn9g23/PR/wAhRX//2Q==
        """),
    ImageFixture(
      name: "restart", shape: [13, 17, 3], checksum: 2_375_177_235,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwg\
        IyYnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo\
        KCgoKCgoKCgoKCgoKCj/wAARCAANABEDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
        AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
        Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
        x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
        AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
        OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
        xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/90ABAAC/9oADAMBAAIRAxEAPwD0ctaW1sR8mQOmK848aaoSHEB/\
        AcVj6r4gvC+0Ngc96racv9oSfvic5xXLjMDUy+ftKL0OTBZlVwU/Y1dUYH225/vyf99UV339gWnoaKx/t2se/wDXsP8AyH//\
        2Q==
        """),
    ImageFixture(
      name: "optimised", shape: [13, 17, 3], checksum: 2_669_865_449,
      base64: """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEY\
        Gh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e\
        Hh4eHh4eHh4eHh4eHh7/wAARCAANABEDASIAAhEBAxEB/8QAGAAAAgMAAAAAAAAAAAAAAAAAAAcEBQb/xAAoEAABAgMECwAA\
        AAAAAAAAAAABAAIEBREDEiExBgcVFiMkUVJTgZL/xAAWAQEBAQAAAAAAAAAAAAAAAAAEBQb/xAAfEQACAQMFAQAAAAAAAAAA\
        AAADBQAEEyEBAhUWU6H/2gAMAwEAAhEDEQA/AGqXy6Egy3h1a3KmSVWsWclzbRsMcegNKqjnmlExL7gdRuOFfSiShhmlrzDj\
        W8QUJisMqLdBriT1rk64tg2dszO0Y7y232hMvdmXdpQjdoqZrOTpPP5P/9k=
        """),
  ]

  static let png: [ImageFixture] = [
    ImageFixture(
      name: "grey1", shape: [9, 11, 1], checksum: 2_462_735_260,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAQAAAADMH+uAAAAAJElEQVR42mO448BQ0MCwo4GB+wHD/gSGngSG9wwMUQ0MPxYA\
        AH8+CZyLyo1VAAAAAElFTkSuQmCC
        """),
    ImageFixture(
      name: "grey1Interlaced", shape: [9, 11, 1], checksum: 2_462_735_260,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAQAAAAG7GNsWAAAALklEQVR42mNoYDjA0MAAIhkYHjAsYHjB8AGIHRgqGDYAxQoa\
        GLgfMPQkMEQ1AAAOuQ0K1ietFAAAAABJRU5ErkJggg==
        """),
    ImageFixture(
      name: "palette1", shape: [9, 11, 3], checksum: 1_059_514_630,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAQMAAADeqkRuAAAABlBMVEXZLum0C4iHEO/qAAAAI0lEQVR42mNwdmCwWcBQ08Bw\
        TIFhgQPDigQGdgaGdAaGlgcAXb4G/DC4/N4AAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "grey2", shape: [9, 11, 1], checksum: 141_438_334,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAgAAAACLv5FQAAAALUlEQVR42mNou1PA0PDJhMGm7AjD9tlrGPqjNzBciX3CUDlZ\
        hMElwYZBraIDAA3gDcIIuYLlAAAAAElFTkSuQmCC
        """),
    ImageFixture(
      name: "grey2Interlaced", shape: [9, 11, 1], checksum: 141_438_334,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAgAAAAH8uKHGAAAAQElEQVR42gE1AMr/AJAAIADAAEAAmABwAOAAaAA10ABoEAAk\
        wADOAAA3wADXQACsAACA8jQAt5usANRd5ABEYDyH4hCDC2EaOwAAAABJRU5ErkJggg==
        """),
    ImageFixture(
      name: "palette2", shape: [9, 11, 3], checksum: 2_816_257_266,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJAgMAAACZCj6+AAAADFBMVEVHbk2FwrBff1JPosi51kYsAAAALUlEQVR42mMQ7o1g\
        6Hw7h2E3hw6D5+EpDL2fdzCkzvFgaDJTYLA9dYJB7rQJAOpHDN++RKWSAAAAAElFTkSuQmCC
        """),
    ImageFixture(
      name: "grey4", shape: [9, 11, 1], checksum: 1_676_596_350,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAAAAAAE/2TwAAAASklEQVR42gE/AMD/AGDT8BKqMAAUK+ZYUhAArIoYqQHwAEOb\
        +96pgAAwHkEia8AAz8R6KgPQAF/T7fbkUACFC30zu4AAne71xN9wK+Ub9PRbLs4AAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "grey4Interlaced", shape: [9, 11, 1], checksum: 1_676_596_350,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAAAAAFz+FRmAAAAVUlEQVR42mPIYpjL8AEITRIYLhowCB1geFPAsEKKnyH2/VMG\
        ZqYFDKc6BRj4hDYwfL7mwHAv5AODiPaziCABBufZv++tbGA4f6RKi/kCQyt3rfHuBgDlmBv0mPLOowAAAABJRU5ErkJggg==
        """),
    ImageFixture(
      name: "palette4", shape: [9, 11, 3], checksum: 625_030_253,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAMAAAAWSsseAAAAMFBMVEWBHhgyC2b9tZS6DaeCHYGqb+zzXPI+H6YmUWiv1eSf\
        9rrfkx41adFqA26y/TFPeH3HVxjdAAAASklEQVR42gE/AMD/APaEBmKlAACEsMi26PAATa4o4/9wALettJyUwAC6WZPpBMAA\
        uHb10YRgAJEZoPfy4ACswi9jrUAA4ZaJMI9A9l0fuRVbcscAAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "grey8", shape: [9, 11, 1], checksum: 1_254_761_066,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAAAAADBD4nxAAAAd0lEQVR42gFsAJP/AI8gWCAczefsuiTsAANFQ74i9zDclUBs\
        AB1tsTT2ql5KxmbxAHaz5/M/brdpT57kAHdkw4FP4Jus0BjZACMC/UcHs01q9ZEDAK0pUjbqFop4jZcaAFGRG8/Ph81tj3cj\
        ACyKE6FSbeXdeGPQcA0xRLtpDpcAAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "grey8Interlaced", shape: [9, 11, 1], checksum: 1_254_761_066,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAAAAAG2CLlnAAAAgUlEQVR42gF2AIn/AI+6ACx4ABwAUgB3T9AAWOfsAMOb2QAT\
        5dAAHbH2XsbxAK1S6oqNGgAgIM3sJABtNKpKZgBkgeCsGAApNhZ4lwCKoW3dYwADRUO+Ivcw3JVAbAB2s+fzP263aU+e5AAj\
        Av1HB7NNavWRAwBRkRvPz4fNbY93Iwd8MURbEZu5AAAAAElFTkSuQmCC
        """),
    ImageFixture(
      name: "palette8", shape: [9, 11, 3], checksum: 2_892_263_271,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAMAAADTuiYfAAAAMFBMVEWCvB22kDbEibvUQc/9hLjFbM5q4seJLNOjkrj+hGLf\
        pncud+9I9evYUMux5Wie7+mcqKc0AAAATklEQVR42g3KxwHAIAwDQAlEMW77b5vc+9AEe9tmHQi8Me56KtjIV7XcNpDrL9zp\
        T5AipGqKWGFnjrjQw3VnGtpmAwcRVMouyoN5QK/5AZYpAtFgOP7SAAAAAElFTkSuQmCC
        """),
    ImageFixture(
      name: "paletteTransparentInterlaced", shape: [9, 11, 3], checksum: 4_220_999_331,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAMAAAFhTfuIAAAAMFBMVEVLRORTppdooDTu6gN7MXJc39FJjGSD58INp8VKvRYX\
        dmnh05mLDTBwbGKAlWOWG/NaHIImAAAAEHRSTlMAChQeKDI8RlBaZG54goyWXCF7xAAAAFdJREFUeNoBTACz/wCCAAAAQACw\
        ACpwAH7AAEfAABLQAE9RnQCsz/UAVp6wANTZgAAucXAAd/GAABMbQAB70XD4QSAAFMQX/ORAAD1gqejDIADibU6IUuDUFRyj\
        nQVBcQAAAABJRU5ErkJggg==
        """),
    ImageFixture(
      name: "grey16", shape: [9, 11, 1], checksum: 2_632_684_074,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJEAAAAACRn1WyAAAA2klEQVR42gHPADD/AOZxfufkxeNh77c/TUGRqOIAK0PfYzoA\
        47L2aleKw4SLdw9FZeOz27Sy6sSgvAD3vHPVt0ueiNzt7fzXefSkW7z+NhlaAF4UujuemSMMrjViWsuo/ugzxo9OByEAhZDX\
        kPKoysRItmAi/9rKeel3PwxdKADTJlPFwSEgZhAJ6mdNlS+RQTwCTMKjAOPcBFCZHl1bq/6zaLuvC74K6/H5F4MAgch/9WEB\
        DN0q1YEbHB+8gNwyqEvUaQCd3LFQC+GLoDyVL3PlwtOyH4v8i4iBWcFp8geGmX8AAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "colour16", shape: [9, 11, 3], checksum: 503_756_392,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJEAIAAAA7lp05AAACZklEQVR42gFbAqT9AJ8BDM/iPvBvxHUr64a0aPdkX4v5twK3\
        +T3n7/xv8byC3fdY7duKE0lMa7UYwTH49mv5BFtxscZRHZotF2nLdb9v/wCFy5zvnUtpP/1SfUSv+ap6ZHOkDLcLez53e5j6\
        acLB712bGBp+T+b6R/tPkD367c8mAXFbcLKQZksTw1XWQW+W2Q8AHwVYCOKznoAr0+b84KRb8i/yjgGWBXGNtmCmd8kX9bPA\
        tSN8AfP3I86Sqm1Awcu+G+6il2Bk3s2ujVOEyli1QkBxAEOcYvyCN0bZrnaGPTN8s9oPqO3jynsXMM8XVRqqaTxpUkkDx6h+\
        lusVeUalqZrMVZOBKhSeATkxcm16qjmj0Fu50wAcDnbRHUu+0WKSXTo/DRZ5ImGK3rm9n2052ev5prLjQwE1DqEPUMWXXd5C\
        6Jhvsntyo2ElY09Sc2FAfQBTfofQpb8AsckCWqNMUSetovYEYlIcrq1mVLlYa53Am4cGsXWjYN2QE6CRBH0Py3+w1ww4Tx3N\
        YsRERRLi7YSoKssR5L2iZFrGAAAmGuVQdZ7JqNQghUKf5EFK8x9ZPtVco38ifqIbOR4sNLVRmfdeRnhambaaVr38fHzWXOLF\
        gcpsqXMj7UtRlHVeqwBuxkiYScZ7l9JbXZe/FftNIk3s0UrbGM7RywH6/g809pyPP9ffJ7TW+/XKKL2U8aSlDTZWOKOn1F7U\
        wg6foQnW7SgA+RFNRUibZSzPyAWxLemyXGrHcY3v+Mw4HIw70ELYqN5t9KxPOYR23V2KMEg0PWckrVq+u8YdMG6UGxcMIeV2\
        eLLfLW8tsKcbzv0AAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "greyAlpha16", shape: [9, 11, 1], checksum: 1_492_319_310,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJEAQAAAAe/cLlAAABoElEQVR42gGVAWr+ADwJK6LM8Jl00TcWbfH9zrPW+howpb6K\
        gC/i6mXSsNQ1umQtar8ydiCyi5hQANR8hNJMP6l5rCVKfYRtqkpWfCumU6vVtSfMZLt91ctlXmT+i2vodmPaBnNiAK53Wjyu\
        JJjS++pmCDfDI7GCBYAwF68C+WSNCQDzSspTFf7HT8H6ubndjbTxAIJKuajMMJVhcOiSq1p1Z5+Bd7+/Mdpuqk63J55OLU04\
        /QhjNVXNZTE6l+m7APCUZHojegTc9z7Ux9pylf6lpcR9bYTTdjJ+ceobMMZPGoqArFlh/oRoOiQ1AOx4jUaJRqI+/ZkGmriM\
        dGclc+gSjbbp+CjMrOMKCfwx8ZziTVZ9sn4wiNclABoPvB2m8ktodg15lQL9DXG3Fq/FQbVyVMfSrd19Fd06iRsBY3UKPjKt\
        DRrdAP1zm4fMQXXaEbBvnH6razg7+jUXGjZ/ZDH3oDw/hG9o9bCGJL6vrojaXA5QALLmPPBQzufdZB+D9HDQG3RLHCaka+MA\
        osVsiQ4TYf3HRs1ZKXqhiPOtHYguv/7HNHcL9hIAAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "colourAlpha16", shape: [9, 11, 3], checksum: 153_108_904,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJEAYAAAC09ApuAAADLElEQVR42gEhA978AKVbT1u5mNpJGvIeZy5FVNxPGcegSBzj\
        HMFu8KD+ShIoruDd7Ah1KiBMLzTdzZMiGOyhW4uYTGiNWUzdY1rp+nOiKVwN3TtHGFdA44ww0eIqALYCTCMxnXYA2efYi5/k\
        pBL9mvLmEciPjF2zImjLs4rVqUSEKRER3d1mxDg0oztN07AQgsJzohmVMCvdVPdHjXN3bC32t6Ol4ojqRLUUqPglPJenOBAi\
        rtkw1rMDMz9+1gBqNIMsUlpWflzQox/RH121BXcx1hp4oOzOzDZQiLF6Q3Bb4qBEbp+ritXgGzi47wLbvXLG0vSltVJk2nIG\
        RSO44z7LDUx1/FmoKT4j27D94cxhn/jczM5JAH03wiTXoAh3dg7vnkOJnVJ7IJYiVdyjH8RjvPfU6kC4JCOKvSoXoLpiN7fz\
        dpmP5PTRoNjxEj4o9483ALrRC8etXuF4RTgoPV9mERYAr21r1TxnOkatOYIAFEtk81DKcvdSu5c6uVcDDwF1Rto64hai5X8W\
        ldrZENqhCGHNjxeFlTj9GgjgBrquwr6eMYNP2dYpOJtON0GmvmEZbVhUxJirD6HFkWgI+xVy3x9mSX51tABiYUPCVRa7mWB4\
        J8ieeL1Kf1G5cjKVJRTLlsoDg2B8SnVXOGi2nWG1wIxxI9lb2N3PrUTNq0TA4bib4R0oOagcswJbfUEkkL9CAZaQHsBlNGWb\
        u7wFFl0FAKgvfza/g958xopVlCD9FlWkHiBF1pqUNgk1yqAxgP4SRIyM03ZEWhssEw+vifP7tVgNTNantf+8iAT37K+xzBo/\
        EI1BtQJcs7wRYwq40nRPEYUY1/I2owcAk63FTkW2XZdvI6hlhIFFrYSMX78/ejEaQ9SJ7V0UbD7H6rHeb/yTMwnjaK9zxEwQ\
        M4y9kwMt+hT6HqAASzFLOomZq0lbsnC7DaziyeagQyLvh9kcL7onKgBrAbEZX6a7hSrO7RmpYkAUyDBo+cJ7s++s3R75BHqz\
        JzrGESaDvO8xs+1M9mLssrVzA48G1zkOhwYH4+dEwtJ3SjnY2v4n69M6P4R3DA9EVmqdCUGmRzFYI1F9js7YhxgAAAAASUVO\
        RK5CYII=
        """),
    ImageFixture(
      name: "colour8", shape: [9, 11, 3], checksum: 1_353_526_232,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAIAAABrBkF6AAABPUlEQVR42gEyAc3+ACem1v8yxrTQKXrhkjMAuxHWqEE2F1aW\
        Tn+gej/It3YufwBcfCB0DWeyKSBL50PxPw7IHh2INJqGtlBHPb9f2oDLrLEA+HPa026yc6pqfj2i81oRtTSyqfKWHkdF79xo\
        4JhQF+nkAL8ajmSu4onxMeff0/M7MQjBc0oQQ/USAkBTMjSLA/t/XgATMeZVsCleU9dmy+xTNtjt7SGeHVpo5rvx1VjdFjPe\
        DqoA5DuykbNOHesaVwAypgs3V1T9LzfCdX/4NAHhS1HSnxjkAO0C1S0kw5dvjjOxW06PYhA9+kplLA3nmOPUXHuxxn0JRwBP\
        WZb3JVdElNDxgUw3zwsdD7vazkbWAfmYthj6ZEfZhSEANl0VgXCmuCLH0gTC8WQ/jUo11Znkt7zJVSF2+NW5WzXOnP2R8oxK\
        N8EAAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "greyAlpha8", shape: [9, 11, 1], checksum: 2_762_997_127,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAQAAABObR6mAAAA2klEQVR42gHPADD/AHDINnfM5QtiRL/Ho75UDogFm5uJ2BwA\
        Z/1B9wAJNvGkiB8g29IPbou2AtOGiQBcDO7S1LF86BtFcslV31BaUmnQVXwBAI07fVRhG3XDnG3YkZ1Ir1wxwJN4tpgAwmz/\
        jnjl/0Q7hBKvrRZE9i5/rj5WwgBs0A+hV+pwFtaHD76V6rOkOJorY26SADWOU+f90zy8++zfECbFTnZ7wL1LyncAldNICadK\
        Qn3g2bpF8dIJPh9NrY0lpwCY4U/hqEBSvrGiZ2KPxkDlM3pP6iwgPtxkp+HD/A4AAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "colourAlpha8", shape: [9, 11, 3], checksum: 2_052_380_067,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAYAAADkZNYtAAABoElEQVR42gGVAWr+AK4q/cPhTr+VbH8EJR/BRL22JVNCHcxf\
        6djevYBsXqBx2y1dfkg7jynIYcAQAMl42bLNphv5ZOKCoi7lynFrzCpIJIZf+uSZw4FsyVxPJNTKBNc84y0oQe/yAKkGnky6\
        k+CzUMY9Yjw4Z9pxH8AQjzvnfmnxdbpvkH+Fb7F5oLlWKxeZM1vIAHaiJcyYC3jmeGEH7TmYbYwe0SmgQawYKOea0FvDE7ci\
        pHqhQxrDdh9rA+H/AGZQoYLBNWE18makyp4J/NZO/eSPblxBOx8u+lI22pgAQMlGqpQEIBHSvCGsAChQr9xMNQVtkR2ppSgW\
        Mi0uxDmAxqlruwWbWTItsvYdTUV9cqwdgRvNpuG9AK9e2GM+NYOFQJQ07wgKVOg2/VZYG7nd0yWmc0nDn9zg2xueeiwFNNiv\
        x+YLAGi+vLEjIG2GUbA4VRmAvfk9ogyA4hBhH4fZd75N1TyTW5NFh0W8OlQDfwB4ANuphjfeBjEWWi0m24q3hr/Bcdca8Hcn\
        3KuCRaHNXyYmy6BAfCpYzkL2sg5RD7u+h/kMnPgAAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "colourAlphaFiltered", shape: [9, 11, 3], checksum: 2_052_380_067,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAYAAADkZNYtAAABoElEQVR4nAGVAWr+AK4q/cPhTr+VbH8EJR/BRL22JVNCHcxf\
        6djevYBsXqBx2y1dfkg7jynIYcAQBBtO3O/sLlxk+Dx+DQ8DSLS1p2AGB7o1EQwTBgEAa7zeSQtutbNoGSlR4AziAakGnkwR\
        jUJnljNdr+xyKng151k2Hhwnbtq2jjwGnwrLACH6G0qlsnfg3TCxAXaiJcwiaVMa4FaPB8E3Zp/lObwUI9vviKbuuDPceefH\
        4WfqIXZJ1dxRQGvgAGZQoYLBNWE18makyp4J/NZO/eSPblxBOx8u+lI22pgAQMlGqpQEIBHSvCGsAsIADlqLAKQ4n7cF24oN\
        Nlfgx1XxWE0qgOZtX+D32F4dDXw3yBgZYQr76sARAocOKYfyAH4Yr3eLSuD0IrsIOR3YVRByGCALGheW7ebDjtYhCIDos73i\
        IQVOBLlg5E7lYurVLhwEZhF2aaQHpU8ox24LTKXJFp+K/GCzDngJDRkpBnxUuBptAduphjcDXavffCf1xTCKYOQ3ulFbLwZQ\
        wrsLHsUi3eGF/kEaVl+4jsbMWkAPYBKzZxBN/acAAAAASUVORK5CYII=
        """),
    ImageFixture(
      name: "colourFiltered", shape: [9, 11, 3], checksum: 2_508_516_037,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAIAAABrBkF6AAAA/0lEQVR4nAXBS1bDIBQAUCAvCSQkba2tn0ldl4txR67Hea16\
        2nIsQhII8Ij30rf317VMB9pVoXliLSS/CSueQrweZKTn2IBoDotcEB3p+z9GHmKfYqbfXdxcPg1wixA2oiyIb6DEuquT+tV7\
        JsYdo3qqaVLMQV+8UD7OlYjcsITdlh+x2OlTNEsA1GIABc+8uMh7gmatW58G7LX7cgUjKqxkHRQAEITt2Ux3yzDZ4Bbmw+TA\
        E8GiuTHUUI/9HHJO+YOZR2jRuOuS2rl0zkOw81iAt3uQV8CumsxNTIMmWMuneDyf5rLDCiw0yv/QrjSz5SIbnJF554wJBVT5\
        onKw/6SEoNMr04i6AAAAAElFTkSuQmCC
        """),
    ImageFixture(
      name: "colour8Interlaced", shape: [9, 11, 3], checksum: 3_825_067_632,
      base64: """
        iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJCAIAAAEcAXHsAAABR0lEQVR42gE8AcP+AOrVGnDkwACRz3cDbJkA7OFCAMTm1wCf\
        q//fbFT9tlMAjtmYlIfhYLHCABdDvFzBn3vpewAW3CgZRf4RF60A1e8HhLQ7yls5hW3bgWQRNc+wAMuEJu3a3VJzVa06VhfR\
        YrA4MwCR86tn6uvOUmEsmcIpJr4ApA7rm9hrfa44gQQHSFeiADd/trUzzf1DoQUNHPFNoACW5+D3m+IkD/SfIkMzMWsAagvR\
        xvuNfekbqC9hZoAxAAm06tN6eUR/BzHIT1ayg3IxV5udZa7OF6q3uElAcBBN4QCdtakZnTRBymDI2D/yci5IAiv2Jdyom+HR\
        hJj951U+CXEAD2XkZOAHoCZtibS6PrKqA7HuijFCxQArMjzVHzbiE0w/ANwAngOhRFCALbvbbcPEvMP/O4/zLVicFklPg411\
        0JC+6yCjlqcYjsGPAAAAAElFTkSuQmCC
        """),
  ]
}
