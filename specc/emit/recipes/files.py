"""Pictures and sounds, from files or from arrays, brought to the form that the network takes."""

from __future__ import annotations

FILES: dict[str, str] = {
    "read_pictures": '''
def read_pictures(files, size, channels=3, resize="stretch"):
    """The pictures of files, or of their bytes, in one size."""
    return np.stack([read_picture(file, size, channels, resize) for file in files])
''',
    "read_picture": '''
def read_picture(file, size, channels=3, resize="stretch"):
    """The picture of a file, or of its bytes, in whole values from 0 to 255."""
    data = file if isinstance(file, bytes) else Path(file).read_bytes()
    is_photograph = data[:3] == b"\\xff\\xd8\\xff"
    if is_photograph and channels < 4:
        # One that is far larger than needed is decoded at a part of its size, which is quicker.
        shorter = min(np.asarray(tf.io.extract_jpeg_shape(data))[:2])
        part = max(part for part in (1, 2, 4, 8) if part == 1 or shorter >= 2 * part * max(size))
        picture = tf.io.decode_jpeg(data, channels=3, ratio=part)
    else:
        kept = 0 if channels == 4 or data[8:12] == b"WEBP" else 3
        picture = tf.io.decode_image(data, channels=kept, expand_animations=False)
    picture = np.asarray(picture)
    opacity = picture[..., -1:] if picture.shape[-1] % 2 == 0 else np.full((*picture.shape[:2], 1), 255, "uint8")
    picture = np.broadcast_to(picture[..., :3] if picture.shape[-1] > 2 else picture[..., :1], (*picture.shape[:2], 3))
    if channels == 1:
        picture = np.round(np.asarray(tf.image.rgb_to_grayscale(picture.astype("float32"))))
    if channels == 4:
        picture = np.concatenate([picture, opacity], axis=-1)
    if is_photograph:
        picture = upright(picture, Image.open(io.BytesIO(data)).getexif().get(0x0112, 1))
    return np.round(resized(picture, size, resize))
''',
    "upright": '''
def upright(picture, held):
    """A picture turned as the number says by which a camera tells how it was held."""
    picture = picture.transpose(1, 0, 2) if held in (5, 6, 7, 8) else picture
    picture = picture[:, ::-1] if held in (2, 3, 6, 7) else picture
    return picture[::-1] if held in (3, 4, 7, 8) else picture
''',
    "resized": '''
def resized(pictures, size, resize="stretch", around=0, **how):
    """Pictures in another size: stretched, padded with what is `around` them, or cropped to their middle."""
    how = how or {"antialias": True}
    if resize == "stretch":
        return np.asarray(tf.image.resize(pictures, size, **how))
    there = np.array(pictures.shape[-3:-1])
    scale = min(size / there) if resize == "pad" else max(size / there)
    scaled = np.maximum(np.rint(there * scale).astype(int), 1)
    pictures = tf.image.resize(pictures, scaled, **how) - around
    return np.asarray(tf.image.resize_with_crop_or_pad(pictures, *size) + around)
''',
    "pictures": '''
def pictures(values, size, channels=1, resize="stretch"):
    """Pictures that lie as arrays, or as flat rows, in one size."""
    form = (*size, channels) if values.ndim == 2 else (*values.shape[1:3], channels)
    found = values.reshape(len(values), *form).astype("float32")
    if form[:2] != size:
        found = resized(found, size, resize)
        found = np.round(found) if values.dtype == np.uint8 else found
    return found
''',
    "read_masks": '''
def read_masks(files, size, resize="stretch", around=0):
    """The class of each pixel of pictures that are grey, or have a palette, from files or from their bytes."""
    opened = (Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) for file in files)
    return np.stack([masks(np.asarray(one)[None], size, resize, around)[0] for one in opened])
''',
    "masks": '''
def masks(values, size, resize="stretch", around=0):
    """The class of each pixel of pictures that lie as arrays, or as flat rows, in one size."""
    form = size if values.ndim == 2 else values.shape[1:3]
    found = values.reshape(len(values), *form, 1).astype("int32")
    found = found if form == size else resized(found, size, resize, around, method="nearest")
    return found[..., 0].astype("int32")
''',
    "read_sounds": '''
def read_sounds(files, rate, samples):
    """The sounds of files, or of their bytes, in one channel at one rate, and of one length."""
    return np.stack([read_sound(file, rate, samples) for file in files])
''',
    "read_sound": '''
def read_sound(file, rate, samples):
    """The first so many samples of a sound; silence follows its end."""
    with soundfile.SoundFile(io.BytesIO(file) if isinstance(file, bytes) else file) as opened:
        sound, there = opened.read(dtype="float32", always_2d=True), opened.samplerate
        if (opened.format, opened.subtype) != ("WAV", "PCM_16"):
            # As a WAV file of 16 bits holds it.
            sound = np.clip(np.floor(sound * 32768), -32768, 32767) / np.float32(32768)
    sound = sound.mean(axis=1)
    sound = sound if there == rate else resampled(sound, there, rate)
    return np.pad(sound[:samples], (0, max(0, samples - len(sound))))
''',
    "resampled": '''
def resampled(sound, there, rate):
    """A sound at another rate: through a low-pass filter with Kaiser's window."""
    up, down = rate // math.gcd(there, rate), there // math.gcd(there, rate)
    half = 10 * max(up, down)
    weights = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, 5.0)
    weights = np.float32(weights * up / weights.sum())
    places = np.arange(-(-len(sound) * up // down)) * down
    first = -((half - places) // up)
    found = np.zeros(len(places), "float32")
    for j in (first + step for step in range(2 * half // up + 1)):
        at = places - j * up + half
        heard = (j >= 0) & (j < len(sound)) & (at >= 0)
        found += np.where(heard, sound[np.clip(j, 0, len(sound) - 1)] * weights[np.maximum(at, 0)], 0)
    return found
''',
    "waves": '''
def waves(values, samples):
    """Sounds that lie as arrays, in one channel and of one length."""
    sounds = values.astype("float32") / np.float32(32768 if values.dtype == np.int16 else 1)
    sounds = sounds.mean(axis=2) if sounds.ndim == 3 else sounds
    return np.pad(sounds[:, :samples], ((0, 0), (0, max(0, samples - sounds.shape[1]))))
''',
    "spectra": '''
def spectra(sounds, rate):
    """Magnitudes of the frequencies of sounds, in frames of 25 ms, one every 10 ms."""
    length = round(0.025 * rate)
    window = np.float32(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length))
    size = 1 << (length - 1).bit_length()
    frames = tf.signal.stft(sounds, length, round(0.01 * rate), size, window_fn=lambda *_, **__: window)
    return np.asarray(tf.abs(frames))
''',
    "mels": '''
def mels(sounds, rate):
    """Logarithms of the energy of sounds in 64 bands, even on Slaney's mel scale."""
    magnitudes = spectra(sounds, rate)
    top = rate * 3 / 400 if rate < 2000 else 15 + 27 * np.log(rate / 2000) / np.log(6.4)
    even = np.linspace(0, top, 66)
    edges = np.where(even < 15, even * 200 / 3, 1000 * np.exp((even - 15) * np.log(6.4) / 27))
    bins = np.linspace(0, rate / 2, magnitudes.shape[-1])[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bands = np.float32(np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2]))
    return np.asarray(tf.math.log(tf.tensordot(np.square(magnitudes), bands, 1) + 1e-6))
''',
    "moved_mask": '''
def moved_mask(layer, move, mask):
    """A mask moved as a layer moves its pictures; Keras wants it with channels."""
    flat = len(mask.shape) == 3
    moved = layer.transform_segmentation_masks(mask[..., None] if flat else mask, move, training=True)
    return tf.cast(moved[..., 0] if flat else moved, mask.dtype)
''',
    "moved_boxes": '''
def moved_boxes(layer, move, boxes, form, pictures):
    """Boxes moved as a layer moves its pictures; one without area stays as it is."""
    convert = partial(
        keras.utils.bounding_boxes.convert_format, height=pictures.shape[1], width=pictures.shape[2], dtype="float32"
    )
    several = tf.reshape(boxes, (tf.shape(boxes)[0], -1, 4))
    corners = convert(several, source=form, target="xyxy")
    layer.bounding_box_format = "xyxy"
    given = {"boxes": corners, "labels": tf.zeros(tf.shape(corners)[:2])}
    found = layer.transform_bounding_boxes(given, move, training=True)["boxes"]
    found = convert(tf.reshape(found, tf.shape(corners)), source="xyxy", target=form)
    there = (corners[..., 2] > corners[..., 0]) & (corners[..., 3] > corners[..., 1])
    return tf.reshape(tf.where(there[..., None], found, several), tf.shape(boxes))
''',
}
