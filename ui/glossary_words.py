"""The glossary's text: term, plain words, where it is met, and the labels of the interface it explains."""

from __future__ import annotations

from typing import Final

Row = tuple[str, str, str] | tuple[str, str, str, tuple[str, ...]]

_TRAIN, _EXPLORE, _COMPARE, _HOW = "Train", "Explore", "Compare", "How it works"
_EVALUATE = "the command evaluate"

_THE_GAME: Final[tuple[Row, ...]] = (
    ("GAN", "Generative adversarial network: two networks that learn by playing against each other.", "everywhere"),
    ("DCGAN", "A GAN of convolutions, the recipe of a paper of 2015 that made GANs train well.", "everywhere",
     ("dcgan",)),
    ("Generator, G", "The network that turns random numbers into images. It never sees a real one.", "everywhere",
     ("generator G",)),
    ("Discriminator, D", "The network that looks at images and says which are real. It is G's only teacher.",
     "everywhere", ("discriminator D",)),
    ("Loss", "One number for how wrong a network was; training makes it smaller. In a GAN the two pull against each "
     "other, so neither sinks to zero when all is well.", f"{_TRAIN}, {_COMPARE}", ("loss (nats)",)),
    ("Nats", "The unit of a loss that is a logarithm: 0.69 nats is the loss of a coin toss.", f"{_TRAIN}, {_COMPARE}"),
    ("Logit", "The bare number D gives an image, before it is squashed into 0 to 1: above zero leans to real.", _HOW),
    ("D(x)", "How sure D is, on average, that real images are real: 1 is certain, 0.5 is a guess.",
     f"{_TRAIN}, {_COMPARE}", ("real, D(x)", "probability")),
    ("D(G(z))", "How sure D is, on average, that G's images are real. Near 0: D sees through G; near 0.5: it can only "
     "guess.", f"{_TRAIN}, {_COMPARE}", ("generated, D(G(z))",)),
    ("D's accuracy", "The share of real and generated images that D tells right.", _TRAIN),
    ("Gradient", "For each number, which way and how strongly it should change to make a loss smaller.", _HOW),
    ("Mode collapse", "G draws a few images over and over because they fool D, and forgets all others.", _TRAIN,
     ("collapse",)),
    ("Doctor", "Looks at the curves of a run, names what goes wrong and offers a setting that helps.", _TRAIN),
    ("Objective", "What the two networks are paid for: the loss functions of the game.", f"{_TRAIN}, {_HOW}"),
    ("Non-saturating", "The usual objective: G makes D(G(z)) large, which still teaches it when D is far ahead.",
     _TRAIN, ("non-saturating",)),
    ("Minimax", "The first GAN's objective: G makes 1 − D(G(z)) small. It stops teaching G when D is far ahead.",
     _TRAIN, ("minimax",)),
    ("Hinge", "An objective in which D only cares about images it is not yet sure enough about.", _TRAIN, ("hinge",)),
    ("LSGAN", "Least squares: D is asked for 1 on real and 0 on generated images, and misses are squared.", _TRAIN,
     ("lsgan",)),
    ("WGAN-GP", "D becomes a critic that scores instead of judging; its slope is held near 1 by a penalty.", _TRAIN,
     ("wgan-gp",)),
    ("RpGAN", "Relativistic pairing: what counts is whether a real image scores higher than a generated one.", _TRAIN,
     ("rpgan",)),
    ("Gradient penalty", "Holds D's slope near 1 on the way from generated to real images, so that its advice to G "
     "stays of use.", _TRAIN),
    ("R1 and R2", "Penalties on D's slope, R1 at real and R2 at generated images: a flatter D leaves G a way to "
     "follow.", _TRAIN, ("R1 penalty", "R2 penalty", "Steps between penalties")),
    ("Class loss", "D learns to read which class a real image shows, and G is paid for images that D reads as the one "
     "it was asked for: fewer of them are neither one digit nor another.", _TRAIN),
)  # fmt: skip

_NETWORKS: Final[tuple[Row, ...]] = (
    ("Parameters", "The numbers a network learns: its weights.", f"{_COMPARE}, {_HOW}",
     ("Parameters of G", "Parameters of D")),
    ("Multiply-adds", "How many products are added up to draw or judge one image: the work, whatever the machine.",
     _HOW),
    ("Family", "What both networks are made of: convolutions, or fully connected layers only.", _TRAIN),
    ("Fully connected layer", "Every number that comes in has a say in every number that goes out; also called dense "
     "or linear.", _HOW, ("mlp", "D dense layer")),
    ("Convolution", "One small window of weights slides over the whole image and looks for the same thing everywhere.",
     _HOW),
    ("Transposed convolution", "A convolution the other way round: each point paints a small patch, so that the map "
     "grows.", _HOW, ("G finishing layer",)),
    ("Feature map", "A picture of numbers that says where in the image something was found, or shall be drawn.", _HOW),
    ("Receptive field", "The part of the image that one point of a map depends on.", _HOW),
    ("Kernel size", "How many pixels wide the window of a convolution is.", f"{_TRAIN}, {_HOW}"),
    ("Width", "How many feature maps a network has; wider is finer and slower.", f"{_TRAIN}, {_HOW}",
     ("Generator width", "Discriminator width")),
    ("Batch normalisation", "Evens out the signals of a layer over the images of a batch, which keeps training steady.",
     f"{_TRAIN}, {_HOW}", ("G normalisation", "D normalisation", "batch")),
    ("Layer normalisation", "Evens out the signals of a layer over all that it found in one image, whatever else is in "
     "the batch; leaves D's slope at an image to that image alone.", f"{_TRAIN}, {_HOW}", ("layer",)),
    ("Spectral normalisation", "Scales the weights of a layer so that it can stretch no signal, which holds D's slope.",
     f"{_TRAIN}, {_HOW}", ("spectral",)),
    ("ReLU and LeakyReLU", "Let what is positive pass; ReLU stops what is negative, LeakyReLU lets a fifth of it "
     "through.", _HOW),
    ("Tanh", "Squeezes any number into −1 to 1, the range from black to white.", _HOW),
    ("Dropout", "Switches a share of D's signals off at random while it learns, which slows it down.",
     f"{_TRAIN}, {_HOW}"),
    ("Minibatch spread", "D is also told how varied the images of a batch are: a G that draws one thing only is found "
     "out.", f"{_TRAIN}, {_HOW}"),
    ("Conditioning", "Both networks are told what is to be drawn, such as which digit; then G can be asked for a 3.",
     f"{_TRAIN}, {_EXPLORE}", ("labels", "none")),
    ("Clusters", "Groups of look-alikes, found without labels, that stand in for classes.", f"{_TRAIN}, {_EXPLORE}",
     ("clusters",)),
    ("Image size", "Side length of the images in pixels.", _TRAIN),
    ("Channels", "Numbers a pixel has: one for gray, three for colour (red, green, blue).", _TRAIN),
)  # fmt: skip

_TRAINING: Final[tuple[Row, ...]] = (
    ("Run", "One training from its start to its end, with everything it left: curves, samples, networks.",
     "everywhere"),
    ("Preset", "A named set of settings to start from.", f"{_TRAIN}, {_COMPARE}"),
    ("Data set", "The real images that D learns to recognise.", _TRAIN,
     ("Data", "Own images", "Shape of own images", "Trained on")),
    ("MNIST", "70,000 handwritten digits of 28×28 pixels, the fruit fly of machine learning.", _TRAIN),
    ("Epoch", "Once through all real images.", "everywhere", ("Epochs",)),
    ("Step", "One turn of the game: D learns from one batch, then G does.", f"{_TRAIN}, {_HOW}",
     ("D steps per G step",)),
    ("Batch size", "How many real and how many generated images are seen in one step.", _TRAIN),
    ("Learning rate", "How far one step changes a network's numbers: too small is slow, too large runs away.", _TRAIN,
     ("Learning rate of G", "Learning rate of D", "Learning rate decay")),
    ("Adam", "The rule that turns gradients into steps: it remembers the direction (beta 1) and the size (beta 2) of "
     "earlier ones.", f"{_TRAIN}, {_HOW}", ("Adam beta 1", "Adam beta 2")),
    ("Label smoothing", "Real images count as a little less than certain for D, so that it is never too sure.", _TRAIN),
    ("EMA", "Exponential moving average: samples come from a running average of G's weights, steadier than any one "
     "step.", f"{_TRAIN}, {_HOW}", ("Weight averaging (EMA)",)),
    ("Seed", "The number all chance is drawn from: same seed, same settings, same processor, same run.",
     f"{_TRAIN}, {_EXPLORE}"),
    ("Device", "Where the arithmetic happens: the processor (CPU) or a graphics card (GPU).", _TRAIN, ("CPU threads",)),
    ("Precision", "How many digits numbers are kept with: float32 has seven, bfloat16 has three and is faster.", _TRAIN,
     ("float32", "bfloat16")),
    ("Log point", "One point of a curve: the mean over the steps since the one before it.", _TRAIN,
     ("Steps between points",)),
    ("Snapshot", "The generator as it was at the end of an epoch, kept so that you can go back to it.",
     f"{_TRAIN}, {_EXPLORE}"),
    ("Branch", "A new run that starts from a kept epoch of another, with a setting changed.", _TRAIN),
    ("Queue", "Runs that wait until the machine is free; each browser gets its turn.", _TRAIN, ("State",)),
    ("Images per second", "How fast training goes through real images.", f"{_TRAIN}, {_COMPARE}",
     ("Speed, images/s", "Training time")),
)  # fmt: skip

_QUALITY: Final[tuple[Row, ...]] = (
    ("FD, fd_lenet", "Fréchet distance: how far generated images as a whole are from real ones, as a small digit "
     "classifier sees them. Lower is better; it is not a FID.", f"{_TRAIN}, {_COMPARE}",
     ("FD", "fd_lenet", "Fréchet distance (fd_lenet)", "distance", "Distance to real digits",
      "Distance to real digits, fd_lenet")),
    ("FID", "The Fréchet distance on the features of a large photograph classifier (Inception). Values of other "
     "features cannot be compared with it.", _EVALUATE, ("FID (Inception)",)),
    ("Kernel distance, kd_lenet", "Another distance between generated and real images on the same features, the one of"
     " KID: it is fair with few images too, and near 0 for real ones.", _EVALUATE,
     ("KID", "kernel distance (kd_lenet)")),
    ("Density", "How much generated images lie where real ones lie close together: about 1 for real images, less for "
     "images that are unlike any.", _EVALUATE, ("density",)),
    ("Coverage", "The share of real images that have a generated one near by: low means that kinds are missing.",
     _EVALUATE, ("coverage",)),
    ("KL", "Kullback-Leibler divergence: how far the shares of the digits drawn are from equal ones; 0 is equal.",
     _EVALUATE, ("KL to equal shares", "their KL to equal shares")),
    ("Modes", "Kinds of images there are to draw; the 1,000 three-digit numbers of Stacked MNIST are a test of how "
     "many a G finds.", _EVALUATE, ("numbers shown, of 1,000",)),
    ("Readable", "An image that the classifier is sure of and that lies where real digits do.", f"{_TRAIN}, {_COMPARE}",
     ("readable", "Readable digits", "% of images")),
    ("Confident share", "The share of images of which the digit classifier is more than 95 % sure.",
     f"{_COMPARE}, {_EVALUATE}", ("confident",)),
    ("Missing digits", "Digits that G hardly draws: less than a third of their fair share.", f"{_TRAIN}, {_COMPARE}"),
    ("Label agreement", "How often the classifier sees the digit that G was asked for.", _EVALUATE,
     ("show the digit asked for",)),
    ("Memorisation", "G draws its training images over again instead of new ones; told by the nearest training image.",
     f"{_EXPLORE}, {_EVALUATE}",
     ("nearest training images", "distance to nearest training digit", "suspiciously near one")),
    ("Judge", "The small classifier that looks at generated digits after every epoch and says how good they are.",
     _TRAIN),
    ("Test split", "Real images that training never sees, kept to measure with.", _EVALUATE),
)  # fmt: skip

_EXPLORING: Final[tuple[Row, ...]] = (
    ("z, latent vector", "The random numbers that G turns into an image: the same z is always the same image.",
     f"{_EXPLORE}, {_HOW}", ("z", "single numbers of z")),
    ("Latent size", "How many numbers z has.", f"{_TRAIN}, {_EXPLORE}"),
    ("Latent space", "All possible z: near ones give images that look alike.", _EXPLORE),
    ("Principal direction", "A direction in the latent space in which images change most, such as slant or weight.",
     _EXPLORE, ("direction",)),
    ("Truncation", "Pulls z towards the middle: images become more usual and less varied.", _EXPLORE, ("truncation",)),
    ("Lerp", "Linear interpolation: the straight way from one z to another.", _EXPLORE, ("lerp",)),
    ("Slerp", "Spherical interpolation: the way along an arc, on which every z is as long as G is used to.", _EXPLORE,
     ("slerp",)),
    ("Walk", "A film of the images between the ones you picked.", _EXPLORE),
    ("Latent arithmetic", "Adding and subtracting z: what one image has and another lacks is carried to a third.",
     _EXPLORE, ("Arithmetic",)),
    ("Map", "Images laid out on a plane: along two directions of the latent space, or by how much they look alike.",
     _EXPLORE),
    ("PCA", "Principal component analysis: finds the directions in which many things differ most, the strongest first.",
     _EXPLORE, ("samples by PCA",)),
    ("t-SNE", "Lays many images out so that look-alikes become neighbours; how far groups lie apart means little.",
     _EXPLORE, ("samples by t-SNE",)),
    ("Standard deviation", "How far values usually lie from their mean; two of them to either side hold 95 % of z.",
     _EXPLORE, ("standard deviations",)),
    ("Variance", "How much values differ, as one number: the square of the standard deviation.", _EXPLORE,
     ("first layer's variance",)),
    ("Inversion", "The search for the z from which G draws a given image, such as a digit you drew.", _EXPLORE,
     ("Draw",)),
    ("Time machine", "The same z through all epochs of a run.", _EXPLORE),
    ("Pick", "An image you keep, to walk to or to calculate with.", _EXPLORE),
    ("Sample", "An image drawn from a random z.", "everywhere"),
    ("ONNX", "A file format for trained networks that browsers and other programs can run.", f"{_TRAIN}, {_EXPLORE}"),
    ("Safetensors", "A file format for weights that holds numbers only, so that opening it can run nothing.",
     f"{_TRAIN}, {_EXPLORE}", ("safetensors",)),
)  # fmt: skip

ENTRIES: Final[tuple[Row, ...]] = _THE_GAME + _NETWORKS + _TRAINING + _QUALITY + _EXPLORING
